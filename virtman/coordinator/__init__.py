# SPDX-License-Identifier: Apache-2.0
"""volt as an agent sees it: what is asked, what is answered, when."""
