# SPDX-License-Identifier: Apache-2.0
"""os-brick's connector, with our commands and our patience below it."""
