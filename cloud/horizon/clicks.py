# SPDX-License-Identifier: Apache-2.0
"""A user of Horizon: logs in, launches an instance, sees it, deletes it.

Runs as a program in Horizon's environment, which has selenium; reads what to
do as JSON from standard input (it has a password) and prints what was seen as
JSON.  Pictures of each step go to a folder.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PAGE = 120
"""Seconds for a page or a part of it."""
SERVER = 900
"""Seconds for Nova: a VM under two emulators."""
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1400,1000",
)
Condition = Callable[[Any], Any]
MODAL = "//div[contains(@class,'modal')]"


class User:
    """A user at a browser; ``folder`` gets the pictures."""

    def __init__(self, browser: Any, asked: dict[str, str]) -> None:
        self._browser = browser
        self._url = asked["url"].rstrip("/")
        self._asked = asked
        self._folder = pathlib.Path(asked["folder"])
        self._pictures = 0

    def log_in(self) -> None:
        """Log in to Horizon; a failed login shows as a page that stays."""
        self._open("/auth/login/")
        self._see(By.ID, "id_username").send_keys(self._asked["user"])
        self._see(By.ID, "id_password").send_keys(self._asked["password"])
        self._picture("login")
        self._see(By.ID, "loginBtn").click()
        self._until(
            lambda browser: "/auth/login" not in browser.current_url,
            "the login is taken",
        )

    def launch(self) -> str:
        """Go through the dialog: its defaults, image, flavour, network."""
        self._open("/project/instances/")
        self._see(By.ID, "instances__action_launch-ng").click()
        self._see(By.CSS_SELECTOR, "input#name").send_keys(self._asked["name"])
        # A choice made before the quota is known counts as more than it.
        self._until(self._has_quota, "the dialog knows the quota")
        self._picture("details")
        self._step("Source")
        self._take(self._asked["image"])
        preselected = self._chosen_type()
        self._picture("source")
        self._step("Flavor")
        self._take(self._asked["flavor"])
        self._picture("flavor")
        self._step("Networks")
        # The only network is taken already, or is there to be taken.
        self._take(self._asked["network"], needed=False)
        self._picture("network")
        self._see(By.CSS_SELECTOR, ".modal button.btn-primary.finish").click()
        return preselected

    def sees_active(self) -> str:
        """Wait for the status in the server's row; return it."""
        status: str = self._until(self._status, "Active or Error", SERVER)
        self._picture("instance")
        return status

    def delete(self) -> None:
        """Delete the server by its row's menu; wait until the row goes."""
        self._open("/project/instances/")
        row = self._until(lambda _: self._row(), "the row")
        row.find_element(By.CSS_SELECTOR, ".dropdown-toggle").click()
        self._picture("menu")
        self._see(
            By.XPATH,
            f"//tr[contains(.,'{self._asked['name']}')]"
            "//*[self::button or self::a]"
            "[contains(normalize-space(.),'Delete Instance')]",
        ).click()
        self._see(
            By.XPATH,
            f"{MODAL}//*[self::button or self::a]"
            "[contains(@class,'btn-danger')]",
        ).click()
        self._until(self._gone, "the row goes", SERVER)
        self._picture("deleted")

    def picture_of_trouble(self) -> None:
        """Save a picture of the screen, and the page's source."""
        self._picture("trouble")
        (self._folder / "trouble.html").write_text(self._browser.page_source)

    def _open(self, path: str) -> None:
        self._browser.get(self._url + path)

    def _see(self, by: str, selector: str) -> Any:
        """Wait until an element can be clicked; return the element."""

        def there(browser: Any) -> Any:
            for element in browser.find_elements(by, selector):
                if element.is_displayed() and element.is_enabled():
                    return element
            return None

        return self._until(there, selector)

    def _until(
        self, condition: Condition, goal: str, timeout: float = PAGE
    ) -> Any:
        """Wait for a condition; a page that is drawn anew is not a failure."""

        def quietly(browser: Any) -> Any:
            with contextlib.suppress(WebDriverException):
                return condition(browser)
            return None

        return WebDriverWait(self._browser, timeout, 0.2).until(
            quietly, f"{goal}: not in {timeout} s"
        )

    def _step(self, title: str) -> None:
        self._click(
            f"{MODAL}//a[contains(normalize-space(.),'{title}')]", title
        )

    def _take(self, name: str, needed: bool = True) -> None:
        """Click on the arrow in the row of a table of available items."""
        arrow = (
            f"{MODAL}//tr[td[contains(.,'{name}')]]//button"
            "[contains(@class,'fa-arrow-up')"
            " or .//*[contains(@class,'fa-arrow-up')]]"
        )
        taken = (
            f"{MODAL}//tr[td[contains(.,'{name}')]]//button"
            "[contains(@class,'fa-arrow-down')"
            " or .//*[contains(@class,'fa-arrow-down')]]"
        )
        if needed:
            self._click(arrow, name)
        else:
            element = self._until(
                lambda _: self._shown(taken) or self._shown(arrow), name
            )
            if "fa-arrow-up" in element.get_attribute("outerHTML"):
                element.click()
        self._until(lambda _: self._shown(taken), f"{name} is taken")

    def _shown(self, path: str) -> Any:
        elements = self._browser.find_elements(By.XPATH, path)
        return next(
            (element for element in elements if element.is_displayed()), None
        )

    def _click(self, path: str, name: str) -> None:
        """Click; what covers the button for a moment is waited for."""

        def clicked(_: Any) -> Any:
            element = self._shown(path)
            if element is not None:
                element.click()
            return element

        self._until(clicked, name)

    def _chosen_type(self) -> str:
        """Return the volume type that the dialog proposes."""
        chooser = self._see(
            By.XPATH,
            f"{MODAL}//*[normalize-space(text())='Volume Type']"
            "/following::select[1]",
        )
        chosen = chooser.find_elements(By.CSS_SELECTOR, "option:checked")
        return str(chosen[0].text).strip() if chosen else ""

    def _has_quota(self, browser: Any) -> bool:
        """Tell whether the dialog shows the remaining quota."""
        dialogs = browser.find_elements(By.CSS_SELECTOR, ".modal")
        text = " ".join(element.text for element in dialogs)
        left = re.search(r"(\d+)\s+Remaining", text)
        return left is not None and int(left[1]) > 0

    def _row(self) -> Any:
        for row in self._browser.find_elements(
            By.CSS_SELECTOR, "#instances tbody tr"
        ):
            if self._asked["name"] in row.text:
                return row
        return None

    def _status(self, _: Any) -> str | None:
        row = self._row()
        words = row.text.split() if row else []
        return next((w for w in ("Active", "Error") if w in words), None)

    def _gone(self, browser: Any) -> bool:
        there = browser.find_elements(By.CSS_SELECTOR, "#instances")
        return bool(there) and self._row() is None

    def _picture(self, name: str) -> None:
        self._pictures += 1
        file = self._folder / f"horizon-{self._pictures:02d}-{name}.png"
        self._browser.save_screenshot(str(file))


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Start a Chromium with an empty profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    with tempfile.TemporaryDirectory() as profile:
        for word in (*OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(word)
        service = webdriver.ChromeService("/usr/bin/chromedriver")
        started = webdriver.Chrome(options=options, service=service)
        try:
            yield started
        finally:
            started.quit()


def main() -> int | str:
    """Log in, launch and delete an instance; print the results."""
    # A signal that ends this program ends the browser, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    asked = json.load(sys.stdin)
    with browser() as opened:
        user = User(opened, asked)
        try:
            user.log_in()
            preselected = user.launch()
            began = time.monotonic()
            status = user.sees_active()
            took = time.monotonic() - began
            user.delete()
        except WebDriverException as trouble:
            user.picture_of_trouble()
            return f"{type(trouble).__name__}: {trouble.msg}"
    json.dump(
        {
            "volume_type": preselected,
            "status": status,
            "seconds": round(took, 1),
        },
        sys.stdout,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
