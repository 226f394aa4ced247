# SPDX-License-Identifier: Apache-2.0
"""What a body and a query may hold: JSON schemas, one file a resource."""
