# SPDX-License-Identifier: Apache-2.0
"""What differs between SQLite, PostgreSQL and MariaDB."""
