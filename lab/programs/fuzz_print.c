// SPDX-License-Identifier: GPL-2.0
/* Output of the fuzzer: operations, and the state when one of them diverges. */

#include <stdio.h>
#include <string.h>

#include "fuzz.h"

const char * const fz_ret_names[FZ_RETS] = {
	"0", "EPERM", "ENOENT", "EINTR", "EIO", "ENXIO", "EBADF", "ENOMEM",
	"EFAULT", "EBUSY", "ENODEV", "EINVAL", "ENOSPC", "ENOTTY",
	"EADDRNOTAVAIL", "EOPNOTSUPP", "ESTALE", "EEXIST", "EBADFD",
	"H_PARAMETER", "H_TOO_HARD", "other",
};

const char * const fz_kind_names[FZ_KINDS] = {
	"MAP_DMA", "UNMAP_DMA", "TCE_CREATE", "TCE_REMOVE", "REGISTER_MEMORY",
	"UNREGISTER_MEMORY", "TCE_GET_INFO", "ENABLE", "DISABLE",
	"CHECK_EXTENSION", "EEH_PE_OP", "(unknown)", "SET_IOMMU",
	"SET_CONTAINER", "UNSET_CONTAINER", "GROUP_GET_STATUS",
	"GET_DEVICE_FD", "TCE hypercalls", "CREATE_SPAPR_TCE",
	"KVM GROUP_ADD", "KVM GROUP_DEL", "KVM SET_SPAPR_TCE",
	"open and close", "DMA", "other process",
	"killed process", "locked memory",
};

static void print_set(char *buf, size_t len, uint32_t set)
{
	size_t n = 0;
	int i;

	buf[0] = '\0';
	for (i = 0; i < FZ_RETS && n < len; i++)
		if (set >> i & 1)
			n += snprintf(buf + n, len - n, "%s%s", n ? " or " : "",
				      fz_ret_names[i]);
}

static const char *where_name(enum fz_where where)
{
	static const char * const names[] = {
		"", " (ends with the memory)", " (read-only)",
		" (end unreadable)", " (unreadable)", " (NULL)",
		" (kernel address)",
	};

	return names[where];
}

#define X(x) ((unsigned long long)(x))

static int print_args(char *buf, size_t len, const struct fz_op *op)
{
	switch (op->kind) {
	case FZ_MAP:
		return snprintf(buf, len,
				"argsz %u flags %#x vaddr %#llx iova %#llx size %#llx",
				op->a.argsz, op->a.map.flags,
				X(op->a.map.vaddr), X(op->a.map.iova),
				X(op->a.map.size));
	case FZ_UNMAP:
		return snprintf(buf, len,
				"argsz %u flags %#x iova %#llx size %#llx",
				op->a.argsz, op->a.unmap.flags,
				X(op->a.unmap.iova), X(op->a.unmap.size));
	case FZ_CREATE:
		return snprintf(buf, len,
				"argsz %u flags %#x page_shift %u window_size %#llx levels %u (start %#llx)",
				op->a.argsz, op->a.create.flags,
				op->a.create.page_shift,
				X(op->a.create.window_size),
				op->a.create.levels,
				X(op->a.create.start_addr));
	case FZ_REMOVE:
		return snprintf(buf, len, "argsz %u flags %#x start %#llx",
				op->a.argsz, op->a.remove.flags,
				X(op->a.remove.start_addr));
	case FZ_REGISTER:
	case FZ_UNREGISTER:
		return snprintf(buf, len,
				"argsz %u flags %#x vaddr %#llx size %#llx",
				op->a.argsz, op->a.reg.flags,
				X(op->a.reg.vaddr), X(op->a.reg.size));
	case FZ_EEH:
		return snprintf(buf, len, "argsz %u flags %#x op %u",
				op->a.argsz, op->a.eeh.flags, op->a.eeh.op);
	case FZ_INFO:
	case FZ_STATUS:
		return snprintf(buf, len, "argsz %u", op->a.argsz);
	case FZ_SET:
		return snprintf(buf, len, "fd %d", op->a.fd);
	case FZ_DMA:
		return snprintf(buf, len, "iova %#llx va %#llx flags %#x",
				X(op->a.map.iova), X(op->a.map.vaddr),
				op->a.map.flags);
	case FZ_HCALL_TCE:
		return snprintf(buf, len,
				"%#llx: liobn %#llx ioba %#llx tce %#llx pages %#llx",
				X(op->a.hcall.nr), X(op->a.hcall.liobn),
				X(op->a.hcall.ioba), X(op->a.hcall.tce),
				X(op->a.hcall.pages));
	case FZ_KVM_TABLE:
	case FZ_KVM_ATTACH:
		return snprintf(buf, len,
				"liobn %#llx start %#llx size %#llx page_shift %u",
				X(op->a.table.liobn), X(op->a.table.start),
				X(op->a.table.size), op->a.table.shift);
	default:
		return snprintf(buf, len, "cmd %#lx value %#lx", op->cmd,
				op->value);
	}
}

static void print_op(struct fz_thread *t, const struct fz_op *op,
		     const char *prefix)
{
	char args[256], who[48] = "", set[96];

	print_args(args, sizeof(args), op);
	print_set(set, sizeof(set), op->expect);
	if (op->g >= 0)
		snprintf(who, sizeof(who), " group %d", op->g);
	if (op->c >= 0)
		snprintf(who + strlen(who), sizeof(who) - strlen(who),
			 " container %d", op->c);
	tce_log("%sthread %d op %lu:%s %s %s%s -> %s%d (%s), expected %s",
		prefix, t->id, op->number, who, fz_kind_names[op->kind], args,
		where_name(op->where), op->got < 0 ? "-" : "",
		op->got < 0 ? -op->got : op->got,
		fz_ret_names[fz_ret_of(op->got)], set);
}

static void print_model(struct fz_thread *t)
{
	struct fz_container *c;
	struct fz_region *r;
	int i, j;

	for (i = 0; i < fz.containers; i++) {
		c = &fz.c[i];
		tce_log("container %d: v%d%s%s%s, groups %#x", i, c->version,
			c->mm ? ", owned" : "", c->enabled ? ", enabled" : "",
			c->pending ? ", default window pending" : "",
			c->groups);
		for (j = 0; j < FZ_WINDOWS; j++)
			if (c->win[j].on)
				tce_log("   window %d: start %#llx, %llu pages of 2^%u",
					j, X(c->win[j].start),
					X(c->win[j].pages), c->win[j].shift);
	}
	for (r = t->regions; r < t->regions + FZ_REGIONS; r++)
		if (r->size)
			tce_log("region %#llx size %#llx shift %u, in containers %#x, mapped %ld",
				X(r->ua), X(r->size), r->shift, r->in,
				r->mapped);
}

/* Reports the difference, once, and ends the test */
void fz_diverge(struct fz_thread *t, struct fz_op *op, const char *why)
{
	unsigned long i;

	if (__atomic_exchange_n(&fz.failed, true, __ATOMIC_SEQ_CST))
		return;
	flockfile(stdout);
	tce_log("DIVERGED: %s; seed %llu, %s, %d threads", why, X(fz.seed),
		fz.racy ? "racy" : "exact", fz.threads);
	if (op)
		print_op(t, op, "");
	print_model(t);
	tce_log("thread %d: rw %#llx size %#llx, ro %#llx size %#llx, huge %#llx size %#llx",
		t->id, X(t->rw), X(t->rw_size), X(t->ro), X(t->ro_size),
		X((uintptr_t)t->huge.va), X(t->huge.size));
	i = t->nring > FZ_RING ? t->nring - FZ_RING : 0;
	for (; i < t->nring; i++)
		print_op(t, &t->ring[i % FZ_RING], "before: ");
	funlockfile(stdout);
}

/* The operation is done: counts it, and keeps it for a later report */
void fz_note_op(struct fz_thread *t, struct fz_op *op)
{
	op->number = t->number;
	t->count[op->kind][fz_ret_of(op->got)]++;
	t->ring[t->nring++ % FZ_RING] = *op;
	if (fz.verbose)
		print_op(t, op, "");
}
