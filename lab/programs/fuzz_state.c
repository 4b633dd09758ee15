// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that change the state for all threads: groups move between
 * containers, containers and devices are closed and opened, other processes
 * start and are killed. And operations that observe the state: DMA, and locked
 * memory.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fuzz.h"

/* Descriptors keep their numbers: dup3() replaces a file in one step */
#define FD_NULL		99
#define FD_NONE		98
#define FD_CONTAINERS	100
#define FD_GROUPS	120

#define DMA_LEN		1024

#define NR_OF(array)	(sizeof(array) / sizeof((array)[0]))

static int call(struct fz_thread *t, enum fz_kind kind, int g, int c,
		unsigned long cmd, unsigned long value, uint32_t expect)
{
	struct fz_op op = {
		.kind = kind,
		.c = c,
		.g = g,
		.cmd = cmd,
		.value = value,
		.expect = expect,
	};

	if (fz.racy)
		op.expect |= BIT_OF(ENOTTY);
	return fz_call(t, &op);
}

static void group_left(int g)
{
	struct fz_group *grp = &fz.g[g];
	struct fz_container *c;
	int i;

	if (grp->c < 0)
		return;
	c = &fz.c[grp->c];
	grp->c = -1;
	memset(&grp->pe, 0, sizeof(grp->pe));
	c->groups &= ~(1U << g);
	for (i = 0; i < c->norder && c->order[i] != g; i++)
		;
	for (; i < c->norder - 1; i++)
		c->order[i] = c->order[i + 1];
	c->norder = i;
	if (!c->groups)
		fz_container_reset(c);
}

static bool any_window(struct fz_container *c)
{
	return c->win[0].on || c->win[1].on;
}

static int attach(struct fz_thread *t, int g, int c)
{
	struct fz_op op = {
		.kind = FZ_SET,
		.c = c,
		.g = g,
		.cmd = VFIO_GROUP_SET_CONTAINER,
		.len = sizeof(op.a.fd),
		.a.fd = fz.c[c].fd,
		.expect = fz.g[g].c >= 0 ? BIT_OF(EINVAL) : OK,
	};
	struct fz_pe pe;
	int i, ret;

	if (op.expect == OK && fz_pe_known())
		op.expect = 1U << fz_ret_of(fz_pe_join(&fz.c[c], &pe));
	else if (op.expect == OK && any_window(&fz.c[c]))
		op.expect |= BIT_OF(EADDRNOTAVAIL);
	if (fz.racy)
		op.expect = OK | BIT_OF(EINVAL) | BIT_OF(EADDRNOTAVAIL) |
			    BIT_OF(ENOTTY);
	ret = fz_call(t, &op);
	if (ret || fz.g[g].c >= 0)
		return ret;

	fz.g[g].c = c;
	fz_pe_join(&fz.c[c], &fz.g[g].pe);
	fz.c[c].groups |= 1U << g;
	/*
	 * The last one is first, except for groups that were attached before
	 * the IOMMU
	 */
	i = fz.c[c].version ? 0 : fz.c[c].norder;
	memmove(&fz.c[c].order[i + 1], &fz.c[c].order[i],
		(fz.c[c].norder - i) * sizeof(fz.c[c].order[0]));
	fz.c[c].order[i] = g;
	fz.c[c].norder++;
	return 0;
}

static void attach_badly(struct fz_thread *t, int g)
{
	struct fz_op op = {
		.kind = FZ_SET,
		.c = -1,
		.g = g,
		.cmd = VFIO_GROUP_SET_CONTAINER,
		.len = sizeof(op.a.fd),
		.a.fd = fz_one_in(t, 2) ? FD_NULL : FD_NONE,
		.where = fz_one_in(t, 2) ? FZ_GOOD : FZ_NONE,
	};

	/* A file that is no container: EINVAL, or EBADFD in newer kernels */
	op.expect = op.where ? BIT_OF(EFAULT) :
		    op.a.fd == FD_NULL ? BIT_OF(EINVAL) | BIT_OF(EBADFD) :
		    BIT_OF(EBADF);
	if (fz.racy)
		op.expect |= BIT_OF(ENOTTY);
	fz_call(t, &op);
}

static int detach(struct fz_thread *t, int g)
{
	uint32_t expect = OK;
	int ret;

	if (fz.racy)
		expect = OK | BIT_OF(EINVAL) | BIT_OF(EBUSY);
	else if (fz.g[g].c < 0)
		expect = BIT_OF(EINVAL);
	else if (fz.g[g].v.device >= 0)
		expect = BIT_OF(EBUSY);
	ret = call(t, FZ_UNSET, g, -1, VFIO_GROUP_UNSET_CONTAINER, 0, expect);
	if (!ret)
		group_left(g);
	return ret;
}

static int set_iommu(struct fz_thread *t, int n, unsigned long type)
{
	struct fz_container *c = &fz.c[n];
	uint32_t expect = BIT_OF(ENODEV);
	int ret;

	if (fz.racy)
		expect = OK | BIT_OF(EINVAL) | BIT_OF(ENODEV);
	else if (!c->groups || c->version)
		expect = BIT_OF(EINVAL);
	else if (type == VFIO_SPAPR_TCE_IOMMU ||
		 type == VFIO_SPAPR_TCE_v2_IOMMU)
		expect = OK;
	else if (type == VFIO_EEH && fz.eeh)
		expect = BIT_OF(EINVAL);
	ret = call(t, FZ_SET_IOMMU, -1, n, VFIO_SET_IOMMU, type, expect);
	if (ret)
		return ret;

	c->version = type == VFIO_SPAPR_TCE_IOMMU ? 1 : 2;
	c->mm = false;
	c->enabled = false;
	c->pending = true;
	fz_window_init(&c->win[0], 12, fz.def_start, fz.def_size >> 12);
	return 0;
}

/* v2 most often, because it has more ioctls */
static unsigned long good_type(struct fz_thread *t)
{
	return fz_one_in(t, 4) ? VFIO_SPAPR_TCE_IOMMU :
				 VFIO_SPAPR_TCE_v2_IOMMU;
}

static int open_device(struct fz_thread *t, int g)
{
	struct fz_group *grp = &fz.g[g];
	bool can = grp->c >= 0 && fz.c[grp->c].version;
	int ret;

	ret = call(t, FZ_DEVICE, g, -1, VFIO_GROUP_GET_DEVICE_FD,
		   (unsigned long)grp->dev->bdf,
		   fz.racy ? OK | BIT_OF(EINVAL) :
		   can ? OK : BIT_OF(EINVAL));
	if (ret < 0)
		return ret;
	if (grp->v.device >= 0) {
		close(ret);
		return 0;
	}
	grp->v.device = ret;
	if (!fz.racy && grp->dev->edu && edu_open(&grp->v.edu, ret))
		fz_diverge(t, NULL, "the device does not answer");
	return 0;
}

/* Racy: the thread that has taken the descriptor closes it */
static void close_device(struct fz_thread *t, int g)
{
	struct fz_group *grp = &fz.g[g];
	int fd = grp->v.device;

	if (fd < 0)
		return;
	edu_close(&grp->v.edu);
	grp->v.device = -1;
	t->count[FZ_OPEN][FZ_0]++;
	if (fz.racy)
		fz_unlock(t);
	close(fd);
	if (fz.racy)
		fz_lock(t, false);
}

static void check_open(struct fz_thread *t, int g, int ret, uint32_t expect)
{
	struct fz_op op = {
		.kind = FZ_OPEN,
		.c = -1,
		.g = g,
		.expect = expect,
		.got = ret,
	};

	fz_compare(t, &op);
}

static int open_group(struct fz_thread *t, int g, uint32_t expect)
{
	struct fz_group *grp = &fz.g[g];
	int fd;

	if (fz.racy)
		fz_unlock(t);
	fd = tce_open_group(grp->dev);
	if (fz.racy)
		fz_lock(t, false);
	check_open(t, g, fd < 0 ? fd : 0, expect);
	if (fd < 0)
		return fd;
	dup3(fd, grp->fd, O_CLOEXEC);
	close(fd);
	grp->open = true;
	return 0;
}

static void close_group(struct fz_thread *t, int g)
{
	fz_kvm_leave(t, g);
	if (fz.racy)
		fz_unlock(t);
	dup3(FD_NULL, fz.g[g].fd, O_CLOEXEC);
	if (fz.racy)
		fz_lock(t, false);
	fz.g[g].open = false;
	if (fz.g[g].v.device < 0)
		group_left(g);
}

static void open_container(struct fz_thread *t, int c)
{
	int fd = tce_open_container();

	check_open(t, -1, fd < 0 ? fd : 0, OK);
	if (fd < 0)
		return;
	if (fz.racy)
		fz_unlock(t);
	dup3(fd, fz.c[c].fd, O_CLOEXEC);
	close(fd);
	if (fz.racy)
		fz_lock(t, false);
}

/* Attaches a group without a container, in the usual order of steps */
static void bring(struct fz_thread *t, int g, int c)
{
	if (fz_failed())
		return;
	attach(t, g, c);
	if (!fz.c[c].version && !fz_one_in(t, 8))
		set_iommu(t, c, good_type(t));
	if (fz.g[g].c >= 0 && fz.c[fz.g[g].c].version && !fz_one_in(t, 8))
		open_device(t, g);
}

/* Puts a group into a container, out of it, or from one to another */
void fz_group_op(struct fz_thread *t)
{
	int g = fz_below(t, fz.groups), c = fz_below(t, fz.containers);
	unsigned int what = fz_below(t, 8);

	fz_lock(t, true);
	if (fz.g[g].busy) {
		fz_unlock(t);
		return;
	}
	switch (what) {
	case 0:
		/* This is refused if it is in one */
		attach(t, g, c);
		break;
	case 1:
		attach_badly(t, g);
		break;
	case 2:
		/* This is refused if a device is open */
		detach(t, g);
		break;
	case 3:
		set_iommu(t, c, fz_one_in(t, 2) ? good_type(t) :
						  fz_below(t, 8));
		break;
	default:
		if (fz.g[g].c >= 0) {
			close_device(t, g);
			detach(t, g);
		}
		bring(t, g, c);
	}
	fz_unlock(t);
}

void fz_device_op(struct fz_thread *t)
{
	int g = fz_below(t, fz.groups);

	fz_lock(t, true);
	if (fz.g[g].busy) {
		fz_unlock(t);
		return;
	}
	if (fz_one_in(t, 4))
		call(t, FZ_DEVICE, g, -1, VFIO_GROUP_GET_DEVICE_FD,
		     (unsigned long)"ffff:ff:1f.7", BIT_OF(ENODEV));
	if (fz.g[g].v.device < 0 || fz_one_in(t, 3))
		open_device(t, g);
	else
		close_device(t, g);
	fz_unlock(t);
}

/* The container is freed with its last group, not with its descriptor */
void fz_close_op(struct fz_thread *t)
{
	int g, c = fz_below(t, fz.containers);
	unsigned int left = 0;

	fz_lock(t, true);
	open_container(t, c);
	for (g = 0; g < fz.groups && !fz_failed(); g++) {
		if (fz.g[g].c != c || fz.g[g].busy)
			continue;
		close_device(t, g);
		detach(t, g);
		left |= 1U << g;
	}
	if (fz.racy)
		fz_container_reset(&fz.c[c]);
	for (g = 0; g < fz.groups; g++)
		if (left >> g & 1)
			bring(t, g, fz_one_in(t, 2) ? c :
				    fz_below(t, fz.containers));
	fz_unlock(t);
}

/* A group is freed with its last descriptor, which may be that of a device */
void fz_reopen_op(struct fz_thread *t)
{
	int i, ret, g = fz_below(t, fz.groups);
	int c = fz_below(t, fz.containers);
	struct fz_group *grp = &fz.g[g];

	fz_lock(t, true);
	if (grp->busy) {
		fz_unlock(t);
		return;
	}
	grp->busy = true;
	close_group(t, g);
	if (fz.racy) {
		/* A thread may still use it, but no further thread begins to */
		for (i = 0; i < 20; i++) {
			close_device(t, g);
			ret = open_group(t, g, OK | BIT_OF(EBUSY));
			if (ret != -EBUSY)
				break;
			fz_unlock(t);
			usleep(1000);
			fz_lock(t, true);
		}
	} else {
		if (grp->v.device >= 0) {
			open_group(t, g, BIT_OF(EBUSY));
			close_device(t, g);
			group_left(g);
		}
		open_group(t, g, OK);
	}
	bring(t, g, c);
	grp->busy = false;
	fz_unlock(t);
}

void fz_status_op(struct fz_thread *t)
{
	int g = fz_below(t, fz.groups);
	struct fz_op op = {
		.kind = FZ_STATUS,
		.c = -1,
		.g = g,
		.cmd = VFIO_GROUP_GET_STATUS,
		.len = sizeof(op.a.status),
		.a.status.argsz = fz_one_in(t, 4) ? fz_below(t, 8) : 8,
		.where = fz_one_in(t, 8) ? FZ_RDONLY : FZ_GOOD,
	};
	uint32_t flags;

	op.expect = op.a.argsz < 8 ? BIT_OF(EINVAL) :
		    op.where ? BIT_OF(EFAULT) : OK;
	fz_lock(t, false);
	if (fz.racy)
		op.expect |= BIT_OF(ENOTTY);
	fz_call(t, &op);
	flags = VFIO_GROUP_FLAGS_VIABLE;
	if (fz.g[g].c >= 0)
		flags |= VFIO_GROUP_FLAGS_CONTAINER_SET;
	if (!fz.racy && !op.got && op.a.status.flags != flags)
		fz_diverge(t, &op, "other flags of the group");
	fz_unlock(t);
}

void fz_check_op(struct fz_thread *t)
{
	static const unsigned long exts[] = {
		VFIO_SPAPR_TCE_IOMMU, VFIO_SPAPR_TCE_v2_IOMMU, VFIO_EEH,
		VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, 0, 1000, ~0UL,
	};
	unsigned int i = fz_below(t, NR_OF(exts));
	int ret, c = fz_below(t, fz.containers);

	fz_lock(t, false);
	ret = call(t, FZ_CHECK, -1, c, VFIO_CHECK_EXTENSION, exts[i], OK);
	if (ret != (i < 2 || (i == 2 && fz.eeh)))
		fz_diverge(t, &t->ring[(t->nring - 1) % FZ_RING],
			   "other extensions than at first");
	fz_unlock(t);
}

/* A group that can do DMA; no other thread starts its transfers then */
static struct fz_group *dma_group(struct fz_thread *t)
{
	int i, n = fz_below(t, fz.groups);
	struct fz_group *grp;

	for (i = 0; i < fz.groups; i++) {
		grp = &fz.g[(n + i) % fz.groups];
		if (grp->c >= 0 && grp->v.edu.bar &&
		    !pthread_mutex_trylock(&grp->dma))
			return grp;
	}
	return NULL;
}

/* The next note of the thread with these bits, of another page than @not_va */
static bool find_note(struct fz_thread *t, struct fz_window *w, uint64_t bits,
		      uint64_t not_va, uint64_t *iova, uint64_t *note)
{
	unsigned int i, j, n = fz_below(t, w->nplaces);
	struct fz_place *p;
	uint64_t x;

	for (i = 0; i < w->nplaces; i++) {
		p = &w->place[(n + i) % w->nplaces];
		for (j = 0; j < p->each; j++) {
			x = w->notes[t->id][p->base + j];
			if ((x & bits) != bits || !((x ^ not_va) & ~4095ULL))
				continue;
			/* The pattern will be written there */
			if (!fz_is_rw(t, x & ~FZ_FLAGS, 4096))
				continue;
			*note = x;
			*iova = w->start + ((p->first + t->id * p->each +
					     j) << w->shift);
			return true;
		}
	}
	return false;
}

static int dma_denied(struct fz_thread *t, struct fz_group *grp,
		      uint64_t iova, void *va, uint32_t flags,
		      const struct tce_scratch *scratch)
{
	int ret = 0;

	if (!(flags & VFIO_DMA_MAP_FLAG_WRITE))
		ret = tce_dma_write_denied(&grp->v, iova, va, DMA_LEN,
					   scratch->va ? scratch : NULL);
	if (!ret && !(flags & VFIO_DMA_MAP_FLAG_READ) && scratch->va)
		ret = tce_dma_read_denied(&grp->v, iova, va, DMA_LEN, scratch);
	return ret;
}

/* A page that was mapped here, and is not now */
static bool find_gone(struct fz_thread *t, int c, uint64_t *iova, uint64_t *va)
{
	unsigned int i, n = fz_below(t, FZ_GONE);
	struct fz_gone *gone;
	struct fz_window *w;
	uint64_t *note;
	int owner;

	for (i = 0; i < FZ_GONE; i++) {
		gone = &t->gone[(n + i) % FZ_GONE];
		if (gone->va && gone->c == c && fz_is_rw(t, gone->va, 4096))
			break;
	}
	if (i == FZ_GONE)
		return false;
	w = fz_window_at(&fz.c[c], gone->iova);
	if (w && w->on) {
		note = fz_note(w, (gone->iova - w->start) >> w->shift, &owner);
		if (note && (owner != t->id || *note))
			return false;
	}
	*iova = gone->iova;
	*va = gone->va;
	return true;
}

/*
 * The device reaches mapped memory in the mapping's direction, and no other
 * memory
 */
void fz_dma_op(struct fz_thread *t)
{
	uint64_t iova = 0, va, note = 0, s_note, bits = fz_below(t, 4);
	struct tce_scratch scratch = {};
	struct fz_op op = { .kind = FZ_DMA, .g = -1, .expect = OK };
	struct fz_group *grp = NULL;
	struct fz_window *w;

	if (fz.racy)
		return;
	fz_lock(t, false);
	grp = dma_group(t);
	if (!grp)
		goto unlock;
	op.g = grp - fz.g;
	op.c = grp->c;
	w = &fz.c[op.c].win[fz.c[op.c].win[1].on && fz_one_in(t, 2)];

	if (!bits && find_gone(t, op.c, &iova, &va))
		note = 0;
	else if (w->on && find_note(t, w, bits, 0, &iova, &note))
		va = note & ~FZ_FLAGS;
	else
		goto done;
	if (w->on && find_note(t, w, 3, va, &scratch.iova, &s_note))
		scratch.va = (void *)(s_note & ~FZ_FLAGS);

	op.a.map.iova = iova;
	op.a.map.vaddr = va;
	op.a.map.flags = note & TCE_RW;
	if (op.a.map.flags == TCE_RW)
		op.got = tce_dma_ok(&grp->v, iova, (void *)va, DMA_LEN);
	if (op.a.map.flags == VFIO_DMA_MAP_FLAG_READ && scratch.va)
		op.got = tce_dma_from(&grp->v, iova, (void *)va, DMA_LEN,
				      &scratch);
	if (op.a.map.flags == VFIO_DMA_MAP_FLAG_WRITE && scratch.va)
		op.got = tce_dma_to(&grp->v, iova, (void *)va, DMA_LEN,
				    &scratch);
	if (!op.got)
		op.got = dma_denied(t, grp, iova, (void *)va, op.a.map.flags,
				    &scratch);
	fz_note_op(t, &op);
	if (op.got)
		fz_diverge(t, &op, "DMA");
done:
	pthread_mutex_unlock(&grp->dma);
unlock:
	fz_unlock(t);
}

/*
 * A child inherits the container, and all of its ioctls have to be refused. It
 * makes no other calls, since other threads may have held locks of the library.
 */
void fz_child_op(struct fz_thread *t)
{
	int ret, status = 0, c = fz_below(t, fz.containers);
	uint32_t expect = BIT_OF(EPERM);
	unsigned int what = fz_below(t, 5);
	struct vfio_iommu_spapr_tce_info info;
	struct fz_op op = { .kind = FZ_CHILD, .c = c, .g = -1 };
	uint64_t start;
	pid_t pid;

	fz_lock(t, true);
	if (!fz.c[c].version)
		expect = BIT_OF(EINVAL);
	else if (!fz.c[c].mm && !fz.racy)
		goto unlock;
	/* Racy: no ioctl that could make it the owner */
	if (fz.racy)
		what %= 3;
	pid = fork();
	if (!pid) {
		switch (what) {
		case 0:
			ret = tce_map(fz.c[c].fd, &info, fz.def_start, 4096,
				      TCE_RW);
			break;
		case 1:
			ret = tce_unmap(fz.c[c].fd, fz.def_start, 1 << 20);
			break;
		case 2:
			ret = tce_get_info(fz.c[c].fd, &info);
			break;
		case 3:
			ret = tce_create(fz.c[c].fd, 12, 1 << 24, 1, &start);
			break;
		default:
			ret = tce_remove(fz.c[c].fd, fz.def_start);
		}
		_exit(fz_ret_of(ret));
	}
	if (fz.racy) {
		expect = BIT_OF(EPERM) | BIT_OF(EINVAL);
		if (what == 2)
			expect |= OK;
		fz_unlock(t);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		fz_diverge(t, NULL, "a child did not end well");
	if (fz.racy)
		fz_lock(t, false);
	op.value = what;
	op.expect = expect;
	op.cmd = WEXITSTATUS(status);
	op.got = expect >> op.cmd & 1 ? 0 : -EPROTO;
	fz_note_op(t, &op);
	if (op.got)
		fz_diverge(t, &op, "another process got other than expected");
unlock:
	fz_unlock(t);
}

/* In a new process, until it is killed. All results are accepted. */
static void victim(int g, int out, bool open, unsigned long type, bool device)
{
	int i, group = fz.g[g].fd, c = tce_open_container();
	size_t size = 64 * fz.page;
	struct vfio_iommu_spapr_tce_info info;
	uint64_t start;
	char *va;

	if (open)
		group = tce_open_group(fz.g[g].dev);
	va = mmap(NULL, size, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (tce_ioctl(group, VFIO_GROUP_SET_CONTAINER, &c) ||
	    tce_ioctl(c, VFIO_SET_IOMMU, (void *)type) ||
	    tce_get_info(c, &info))
		_exit(1);
	if (type == VFIO_SPAPR_TCE_IOMMU)
		tce_enable(c);
	else
		tce_register(c, va, size);
	if (tce_map(c, va, fz.def_start, size, TCE_RW))
		_exit(2);
	if (type != VFIO_SPAPR_TCE_IOMMU &&
	    !tce_create(c, 16, 1 << 28, 1, &start))
		tce_map(c, va, start, 64 * KiB, TCE_RW);
	if (device)
		tce_open_device(group, fz.g[g].dev);
	if (write(out, "", 1) != 1)
		_exit(3);
	/* The process is killed at any point in here */
	for (i = 0;; i++) {
		tce_map(c, va, fz.def_start, size, TCE_RW);
		tce_unmap(c, fz.def_start, size);
	}
}

/*
 * A process with a container of its own is killed, and leaves no resources
 * behind
 */
void fz_kill_op(struct fz_thread *t)
{
	int status, pipes[2], g = fz_below(t, fz.groups);
	int c = fz_below(t, fz.containers);
	bool open = fz_one_in(t, 2), wait = !fz_one_in(t, 3);
	bool device = fz_one_in(t, 3);
	unsigned long type = good_type(t);
	unsigned int delay = fz_below(t, 20000);
	char byte = 1;
	ssize_t n = 1;
	pid_t pid;

	if (fz.racy)
		return;
	fz_lock(t, true);
	close_device(t, g);
	if (fz.g[g].c >= 0)
		detach(t, g);
	if (open)
		close_group(t, g);
	if (pipe(pipes)) {
		fz_diverge(t, NULL, "pipe");
		goto unlock;
	}
	pid = fork();
	if (!pid) {
		close(pipes[0]);
		victim(g, pipes[1], open, type, device);
		_exit(4);
	}
	close(pipes[1]);
	if (wait)
		n = read(pipes[0], &byte, 1);
	usleep(delay);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(pipes[0]);
	t->count[FZ_KILL][FZ_0]++;
	if (pid < 0 || n != 1)
		fz_diverge(t, NULL, "a child could not set up its container");
	if (wait && !WIFSIGNALED(status))
		fz_diverge(t, NULL, "a child ended before it was killed");

	/*
	 * Its container stays as long as the group, which this process has open
	 * as well
	 */
	if (open)
		open_group(t, g, OK);
	else
		call(t, FZ_UNSET, g, -1, VFIO_GROUP_UNSET_CONTAINER, 0,
		     wait ? OK : OK | BIT_OF(EINVAL));
	bring(t, g, c);
unlock:
	fz_unlock(t);
}

/*
 * With the lock held and all other threads stopped: the locked memory of the
 * process
 */
void fz_audit(struct fz_thread *t)
{
	struct fz_op op = { .kind = FZ_AUDIT, .c = -1, .g = -1, .expect = OK };
	unsigned long least, most, has;
	long kb = tce_vmlck_kb() - fz.vmlck_kb;

	fz_locked_pages(&least, &most);
	has = kb * KiB / fz.page;
	op.cmd = least;
	op.value = most;
	op.got = has < least || has > most ? -EIO : 0;
	fz_note_op(t, &op);
	if (!op.got)
		return;
	tce_log("locked: %ld pages, should be %lu to %lu", (long)has, least,
		most);
	fz_diverge(t, &op, "other locked memory than expected");
}

/* Called at the start, and at each sync point */
void fz_setup(struct fz_thread *t)
{
	int g, c, bad = 0;

	if (fcntl(FD_NULL, F_GETFD) < 0)
		dup2(open("/dev/null", O_RDWR | O_CLOEXEC), FD_NULL);
	for (c = 0; c < fz.containers; c++) {
		fz.c[c].fd = FD_CONTAINERS + c;
		open_container(t, c);
	}
	for (g = 0; g < fz.groups; g++) {
		fz.g[g].fd = FD_GROUPS + g;
		c = g % fz.containers;
		bad |= open_group(t, g, OK);
		bad |= attach(t, g, c);
		if (!fz.c[c].version)
			bad |= set_iommu(t, c, c ? good_type(t) :
						   VFIO_SPAPR_TCE_v2_IOMMU);
		bad |= open_device(t, g);
	}
	if (bad)
		fz_diverge(t, NULL, "groups cannot be attached any more");
}

void fz_close_all(struct fz_thread *t)
{
	int i;

	fz_kvm_close_all(t);
	for (i = 0; i < fz.groups; i++) {
		close_device(t, i);
		close_group(t, i);
	}
	for (i = 0; i < fz.containers; i++) {
		dup3(FD_NULL, fz.c[i].fd, O_CLOEXEC);
		fz.c[i].groups = 0;
		fz_container_reset(&fz.c[i]);
	}
	/* Racy: there may have been more than the model knew of */
	for (i = 0; i < fz.threads; i++)
		memset(fz.t[i].regions, 0, sizeof(fz.t[i].regions));
}
