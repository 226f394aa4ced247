# SPDX-License-Identifier: Apache-2.0
"""What volt and virtman both need to read their options, secrets and log."""
