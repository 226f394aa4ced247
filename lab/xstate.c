/* SPDX-License-Identifier: Apache-2.0
 *
 * A preload for user-mode Linux on CPUs whose xstate outgrew its buffer.
 *
 * Before version 6.13 user-mode Linux keeps 2696 bytes of a program's
 * extended registers and hands just these back (PTRACE_SETREGSET with
 * NT_X86_XSTATE).  The host's kernel takes an xstate whole or not at all
 * (xstateregs_set in arch/x86/kernel/fpu/regset.c: EFAULT), and one with AMX
 * has 11008 bytes: the first program of a node was killed.  So what user-mode
 * Linux has is laid over the head of the program's whole xstate, and the whole
 * is set.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

#define LARGEST 65536 /* bytes; six times what a CPU of 2026 has */

typedef long ptrace_function(enum __ptrace_request, ...);

static ptrace_function *next_ptrace(void)
{
	static ptrace_function *found;

	if (!found)
		found = (ptrace_function *)dlsym(RTLD_NEXT, "ptrace");
	return found;
}

static long set_xstate(pid_t pid, void *kind, struct iovec *head)
{
	/* Not on the stack: the caller's is a kernel's, of a few pages.  One
	 * thread alone runs user-mode Linux's programs. */
	static char whole[LARGEST] __attribute__((aligned(64)));
	struct iovec all = { whole, sizeof(whole) };

	if (next_ptrace()(PTRACE_GETREGSET, pid, kind, &all) < 0)
		return -1;
	if (all.iov_len <= head->iov_len)
		return next_ptrace()(PTRACE_SETREGSET, pid, kind, head);
	memcpy(whole, head->iov_base, head->iov_len);
	return next_ptrace()(PTRACE_SETREGSET, pid, kind, &all);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list rest;
	pid_t pid;
	void *address, *data;

	va_start(rest, request);
	pid = va_arg(rest, pid_t);
	address = va_arg(rest, void *);
	data = va_arg(rest, void *);
	va_end(rest);
	if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE)
		return set_xstate(pid, address, data);
	return next_ptrace()(request, pid, address, data);
}
