# SPDX-License-Identifier: Apache-2.0
"""A real keystone on a free port of the loopback, with people in it."""

import contextlib
import os
import pathlib
import secrets
import socket
import subprocess
import time

from keystoneauth1.identity.v3 import ApplicationCredential, Password
from keystoneauth1.session import Session
from volt_process import ROOT, free_port

VENV = ROOT / "build" / "keystone"
SERVER = pathlib.Path(__file__).parent / "keystone_server.py"
DEADLINE = 120
CONF = """\
[database]
connection = sqlite:///{folder}/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = {folder}/fernet
[fernet_receipts]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/fernet
[cache]
enabled = false
[identity]
# Tokens are what is tested here, not how slowly a password is compared.
password_hash_rounds = 4
"""


class Keystone:
    """One process; its people are an operator, a service, and a member."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v3"
        self.password = secrets.token_hex(16)
        self.process = None
        (folder / "fernet").mkdir(mode=0o700)
        (folder / "keystone.conf").write_text(CONF.format(folder=folder))

    def create(self):
        """Install what it needs, make its tables, keys and first user."""
        subprocess.run([ROOT / "tools" / "keystone-venv"], check=True)
        self._manage("db_sync")
        owner = [f"--keystone-user={os.getuid()}"]
        owner += [f"--keystone-group={os.getgid()}"]
        self._manage("fernet_setup", *owner)
        urls = ("ADMIN", "PUBLIC", "INTERNAL")
        self._manage(
            "bootstrap",
            OS_BOOTSTRAP_PASSWORD=self.password,
            OS_BOOTSTRAP_REGION_ID="RegionOne",
            **{f"OS_BOOTSTRAP_{one}_URL": self.url for one in urls},
        )
        return self

    def start(self, wait=True):
        """Serve, and wait until it answers."""
        with self._log() as log:
            self.process = subprocess.Popen(
                [VENV / "bin" / "python", SERVER, str(self.port)],
                env=self._environ(),
                stdout=log,
                stderr=log,
            )
        if wait:
            self._wait_until_it_answers()
        return self

    def _wait_until_it_answers(self):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)

    def populate(self):
        """Let a service, a member, and an admin of one domain in."""
        project = "projects", self._ensure("project", "service")
        for name, role in (("virtman", "service"), ("alice", "member")):
            user = self._ensure("user", name, password=self.password)
            self._grant(project, user, role)
        domain = "domains", "default"
        self._grant(domain, self._ensure("user", "admin"), "admin")
        return self

    def _grant(self, where, user, role):
        path = [*where, "users", user, "roles", self._ensure("role", role)]
        self.admin().put("/".join([self.url, *path]))

    def _ensure(self, kind, name, **more):
        plural = f"{self.url}/{kind}s"
        found = self.admin().get(f"{plural}?name={name}").json()[f"{kind}s"]
        if not found:
            body = {kind: {"name": name, **more}}
            found = [self.admin().post(plural, json=body).json()[kind]]
        return found[0]["id"]

    def session(self, user, project="service", **scope):
        """Return a session of a user, by keystoneauth."""
        if not scope:
            scope = {"project_name": project, "project_domain_id": "default"}
        return Session(
            Password(
                self.url,
                username=user,
                password=self.password,
                user_domain_id="default",
                **scope,
            )
        )

    def admin(self):
        return self.session("admin", "admin")

    def short_lived(self, session, expires_at):
        """Return a session whose tokens end when it is told to."""
        user = session.get_user_id()
        created = session.post(
            f"{self.url}/users/{user}/application_credentials",
            json={
                "application_credential": {
                    "name": secrets.token_hex(8),
                    "expires_at": expires_at,
                }
            },
        ).json()["application_credential"]
        return Session(
            ApplicationCredential(
                self.url,
                application_credential_id=created["id"],
                application_credential_secret=created["secret"],
            )
        )

    def revoke(self, token):
        self.admin().delete(
            f"{self.url}/auth/tokens", headers={"X-Subject-Token": token}
        )

    def _manage(self, *command, **environ):
        with self._log() as log:
            subprocess.run(
                [
                    VENV / "bin" / "keystone-manage",
                    f"--config-file={self.folder}/keystone.conf",
                    *command,
                ],
                cwd=self.folder,
                env=self._environ() | environ,
                stdout=log,
                stderr=log,
                timeout=DEADLINE,
                check=True,
            )

    def _environ(self):
        return {
            "PATH": os.environ["PATH"],
            "OS_KEYSTONE_CONFIG_FILES": str(self.folder / "keystone.conf"),
            "PYTHONWARNINGS": "ignore",
        }

    def _log(self):
        return (self.folder / "log").open("ab")
