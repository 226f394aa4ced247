# SPDX-License-Identifier: Apache-2.0
"""The levels of an image's shared stack, one small class each.

From below: :mod:`multipath`, :mod:`cache`, :mod:`origin`, :mod:`export`,
:mod:`membership`.
"""
