# SPDX-License-Identifier: Apache-2.0
"""How much volt costs: ``python -m bench.volt``, or ``make bench-volt``.

A plain program, not pytest-benchmark: that one times a function in its own
process, and what counts here is another process: the latency that its
clients see, the CPU time and the memory that the kernel says it used.

The machine may be shared and its clock may wander.  So what is compared is
measured in turns (every size in every round), a ratio is formed within each
round, and the median of the rounds is told; CPU time is volt's own, without
the client's.
"""
