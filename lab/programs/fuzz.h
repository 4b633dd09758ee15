/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Declarations that the files of spapr_tce_fuzz share: the model (fuzz_model.c,
 * fuzz_pe.c) and the operations on the kernel and the model (fuzz_ops.c,
 * fuzz_state.c, fuzz_kvm.c).
 */

#ifndef FUZZ_H
#define FUZZ_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <linux/vfio.h>

#include "spapr_tce_kvm.h"

#define FZ_THREADS	8
#define FZ_CONTAINERS	8
#define FZ_GROUPS	8
#define FZ_WINDOWS	2
#define FZ_REGIONS	48
#define FZ_RING		24
#define FZ_GONE		8
#define FZ_TABLES	3

/* How a window is divided: see fz_window_init() */
#define FZ_SMALL_PLACES	72
#define FZ_SMALL	64
#define FZ_BIG		2048
#define FZ_PLACES	(FZ_SMALL_PLACES + 1)
#define FZ_NOTES	(FZ_SMALL_PLACES * FZ_SMALL + FZ_BIG)

/* Sizes of the kernel's view of a table, see its tce_view.c */
#define FZ_LEAF_SHIFT	9
#define FZ_KEPT		64
#define FZ_LEAVES	256
#define FZ_MAX_ENTRIES	0x80000000ULL
#define FZ_CHARGES	128

/* Results of the ioctls: 0 and each errno is a bit of a set */
enum fz_ret {
	FZ_0, FZ_EPERM, FZ_ENOENT, FZ_EINTR, FZ_EIO, FZ_ENXIO, FZ_EBADF,
	FZ_ENOMEM, FZ_EFAULT, FZ_EBUSY, FZ_ENODEV, FZ_EINVAL, FZ_ENOSPC,
	FZ_ENOTTY, FZ_EADDRNOTAVAIL, FZ_EOPNOTSUPP, FZ_ESTALE, FZ_EEXIST,
	FZ_EBADFD, FZ_H_PARAMETER, FZ_H_TOO_HARD, FZ_OTHER,
	FZ_RETS
};

#define BIT_OF(name)	(1U << FZ_ ## name)
#define OK		BIT_OF(0)

enum fz_kind {
	FZ_MAP, FZ_UNMAP, FZ_CREATE, FZ_REMOVE, FZ_REGISTER, FZ_UNREGISTER,
	FZ_INFO, FZ_ENABLE, FZ_DISABLE, FZ_CHECK, FZ_EEH, FZ_UNKNOWN,
	FZ_SET_IOMMU, FZ_SET, FZ_UNSET, FZ_STATUS, FZ_DEVICE, FZ_HCALL_TCE,
	FZ_KVM_TABLE, FZ_KVM_ADD, FZ_KVM_DEL, FZ_KVM_ATTACH, FZ_IOCTLS,
	/* not ioctls */
	FZ_OPEN = FZ_IOCTLS, FZ_DMA, FZ_CHILD, FZ_KILL, FZ_AUDIT, FZ_KINDS
};

/* The memory of the argument of an ioctl */
enum fz_where {
	FZ_GOOD,			/* readable and writable */
	FZ_EDGE,			/* the same, up to the last byte */
	FZ_RDONLY,
	FZ_CUT,				/* its end cannot be read */
	FZ_NONE,			/* none of it can be read */
	FZ_NULL,
	FZ_KERNEL,
};

struct fz_op {
	enum fz_kind kind;
	int c;				/* container, or -1 */
	int g;				/* group, or -1 */
	unsigned long cmd;
	enum fz_where where;
	size_t len;			/* in bytes; 0: the argument is @value */
	unsigned long value;
	union {
		uint32_t argsz;		/* the start of each structure */
		struct vfio_iommu_type1_dma_map map;
		struct vfio_iommu_type1_dma_unmap unmap;
		struct vfio_iommu_spapr_tce_create create;
		struct vfio_iommu_spapr_tce_remove remove;
		struct vfio_iommu_spapr_register_memory reg;
		struct vfio_iommu_spapr_tce_info info;
		struct vfio_eeh_pe_op eeh;
		struct vfio_group_status status;
		int32_t fd;
		struct {
			uint64_t nr, liobn, ioba, tce, pages;
		} hcall;
		struct {
			uint64_t liobn, start, size;
			unsigned int shift;
		} table;
	} a;
	bool makes_default;		/* the default window, in any case */
	bool reached;			/* CREATE: PEs were asked for a window */
	uint64_t start;			/* CREATE: which it must have */
	uint32_t expect;		/* set of enum fz_ret */
	int got;
	unsigned long number;
};

/* Memory that a thread has registered, or that is still mapped */
struct fz_region {
	uint64_t ua;
	uint64_t size;			/* 0: unused */
	unsigned int shift;		/* of the largest I/O page */
	unsigned int in;		/* number of containers that have it */
	long mapped;			/* number of entries that map it */
};

/* Successive entries of a window: each thread has so many of them */
struct fz_place {
	uint64_t first;
	unsigned int each;
	unsigned int base;		/* of their notes */
};

/*
 * Note of an entry: the user address, the permission as in a TCE, and this bit
 */
#define FZ_PINNED	4ULL		/* v1: it belongs to no region */
#define FZ_FLAGS	7ULL

struct fz_window {
	bool on;
	unsigned int number;		/* of windows in this place so far */
	unsigned int shift;
	uint64_t start;
	uint64_t pages;
	unsigned int nplaces;
	struct fz_place place[FZ_PLACES];
	uint64_t *notes[FZ_THREADS];
	pthread_mutex_t lock;		/* for the leaves */
	unsigned int nleaves;
	uint64_t leaf[FZ_LEAVES];	/* in the order of their allocation */
};

struct fz_container {
	int fd;				/* the number never changes */
	int version;			/* 0: no IOMMU is set */
	bool mm;			/* this process is its owner */
	bool enabled;
	bool pending;			/* win[0] is created when needed */
	unsigned int groups;
	int order[FZ_GROUPS];		/* of the groups, in the kernel's list */
	int norder;
	struct fz_window win[FZ_WINDOWS];
};

/* A window in the platform's state, see fuzz_pe.c */
struct fz_pe_window {
	bool on;
	bool boot;			/* the platform's default window */
	uint64_t start;
	uint64_t size;
};

struct fz_pe {
	bool boot;			/* the default window is there */
	struct fz_pe_window win[FZ_WINDOWS];
};

struct fz_group {
	const struct tce_dev *dev;
	int fd;				/* the number never changes */
	bool open;
	bool busy;			/* racy: a thread has it for itself */
	int c;				/* container, or -1 */
	struct fz_pe pe;
	struct tce_vfio v;		/* device and edu */
	pthread_mutex_t dma;		/* one transfer at a time */
};

/* It was mapped, and is not any more */
struct fz_gone {
	int c;
	uint64_t iova;
	uint64_t va;
};

struct fz_thread {
	int id;
	pthread_t thread;
	uint64_t rnd;
	unsigned long number;		/* of the operation */
	unsigned long limit;
	bool exclusive;
	struct tce_mem mem;		/* between pages without memory */
	uint64_t rw, rw_size;
	uint64_t ro, ro_size;
	struct tce_mem huge;
	uint8_t *arg;			/* a page, then one without memory */
	uint8_t *arg_ro;		/* the first one, read-only */
	struct fz_region regions[FZ_REGIONS];
	struct fz_gone gone[FZ_GONE];
	unsigned int ngone;
	struct {
		int c;
		uint64_t iova, size;
	} last;				/* mapping */
	struct fz_op ring[FZ_RING];
	unsigned long nring;
	unsigned long count[FZ_KINDS][FZ_RETS];
};

/* A window to which KVM writes the entries of a table of its guest */
struct fz_follower {
	struct fz_container *c;
	struct fz_window *w;
	unsigned int number;		/* differs if it has been removed */
	unsigned int groups;		/* the groups that were attached */
};

/* A table of KVM's guest */
struct fz_table {
	bool on;
	int fd;
	uint64_t liobn;
	unsigned int shift;
	uint64_t start, size;		/* in bytes */
	unsigned long locked;		/* number of pages that are charged */
	int nr;				/* the latest one is the first */
	struct fz_follower follower[FZ_CONTAINERS];
};

/* A guest of KVM: its memory and its hypercalls belong to one thread */
struct fz_kvm {
	struct fz_thread *t;		/* NULL: there is none */
	struct guest g;
	unsigned int groups;		/* the groups that KVM has */
	struct fz_table table[FZ_TABLES];
};

struct fz {
	uint64_t seed;
	unsigned long ops;
	unsigned int seconds;
	int threads;
	int containers;
	int groups;
	bool racy;
	bool verbose;

	bool failed;
	bool stop;
	struct timespec begin;
	/*
	 * Exact: held for reading by operations that change only resources of
	 * the thread, and for writing by all others. Racy: only the mutex is
	 * used, never during an ioctl, and the model is only a hint.
	 */
	pthread_rwlock_t rwlock;
	pthread_mutex_t mutex;
	pthread_barrier_t barrier;

	size_t page;
	bool eeh;
	uint64_t def_start;
	uint64_t def_size;
	uint64_t dma64_start;		/* of each window but the first */
	bool ddw;
	uint64_t pgsizes;
	unsigned int levels;
	unsigned int view_pages;	/* the charge of a window, in pages */
	unsigned int charge[FZ_CHARGES + 1]; /* and of so many leaves more */
	struct tce_stat before;
	long vmlck_kb;

	struct fz_thread t[FZ_THREADS];
	struct fz_container c[FZ_CONTAINERS];
	struct fz_group g[FZ_GROUPS];
	struct fz_kvm kvm;
};

extern struct fz fz;

/* fuzz_print.c */
extern const char * const fz_ret_names[FZ_RETS];
extern const char * const fz_kind_names[FZ_KINDS];
void fz_diverge(struct fz_thread *t, struct fz_op *op, const char *why);
void fz_note_op(struct fz_thread *t, struct fz_op *op);

/* fuzz_model.c */
uint64_t fz_rnd(struct fz_thread *t);
uint64_t fz_below(struct fz_thread *t, uint64_t n);
bool fz_one_in(struct fz_thread *t, unsigned int n);
enum fz_ret fz_ret_of(int ret);
/* The status of a hypercall, as one more errno */
int fz_hcall_ret(long status);
void fz_window_init(struct fz_window *w, unsigned int shift, uint64_t start,
		    uint64_t pages);
struct fz_window *fz_window_at(struct fz_container *c, uint64_t iova);
uint64_t *fz_note(struct fz_window *w, uint64_t entry, int *owner);
uint64_t *fz_own(struct fz_thread *t, struct fz_window *w, uint64_t entry,
		 uint64_t n);
bool fz_others(struct fz_thread *t, struct fz_window *w, uint64_t entry,
	       uint64_t n);
struct fz_region *fz_region_at(struct fz_thread *t, uint64_t ua);
struct fz_region *fz_region_free(struct fz_thread *t);
bool fz_is_rw(struct fz_thread *t, uint64_t va, uint64_t size);
bool fz_is_ro(struct fz_thread *t, uint64_t va, uint64_t size);
uint32_t fz_expect(struct fz_thread *t, struct fz_op *op);
uint32_t fz_expect_racy(struct fz_op *op);
void fz_apply(struct fz_thread *t, struct fz_op *op);
void fz_leaves_add(struct fz_window *w, uint64_t entry, uint64_t n);
void fz_release(struct fz_thread *t, uint64_t note);
void fz_window_clear(struct fz_container *c, struct fz_window *w,
		     uint64_t entry, uint64_t n);
void fz_window_drop(struct fz_container *c, struct fz_window *w);
void fz_container_reset(struct fz_container *c);
void fz_locked_pages(unsigned long *least, unsigned long *most);

/* fuzz_pe.c */
bool fz_pe_known(void);
int fz_pe_open(struct fz_container *c, int slot, unsigned int shift,
	       uint64_t size, uint64_t *start);
void fz_pe_close(struct fz_container *c, int slot);
int fz_pe_create(struct fz_op *op, uint64_t *start);
int fz_pe_join(struct fz_container *c, struct fz_pe *pe);

/* fuzz_ops.c */
void fz_lock(struct fz_thread *t, bool exclusive);
void fz_unlock(struct fz_thread *t);
void fz_exclude(struct fz_thread *t);
bool fz_failed(void);
void fz_compare(struct fz_thread *t, struct fz_op *op);
int fz_call(struct fz_thread *t, struct fz_op *op);
void fz_iommu_op(struct fz_thread *t, enum fz_kind kind);
void fz_evict(struct fz_thread *t);
void fz_prove(struct fz_thread *t, int g);
void fz_unmap_all(struct fz_thread *t);
void fz_unregister_all(struct fz_thread *t);

/* fuzz_state.c: groups, containers and devices, DMA, and other processes */
void fz_setup(struct fz_thread *t);
void fz_close_all(struct fz_thread *t);
void fz_group_op(struct fz_thread *t);
void fz_device_op(struct fz_thread *t);
void fz_close_op(struct fz_thread *t);
void fz_reopen_op(struct fz_thread *t);
void fz_status_op(struct fz_thread *t);
void fz_check_op(struct fz_thread *t);
void fz_dma_op(struct fz_thread *t);
void fz_child_op(struct fz_thread *t);
void fz_kill_op(struct fz_thread *t);
void fz_audit(struct fz_thread *t);

/* fuzz_kvm.c */
int fz_kvm_init(struct fz_thread *t);
void fz_kvm_op(struct fz_thread *t);
void fz_kvm_table_op(struct fz_thread *t);
void fz_kvm_group_op(struct fz_thread *t);
void fz_kvm_leave(struct fz_thread *t, int g);
void fz_kvm_close_all(struct fz_thread *t);
unsigned long fz_kvm_locked_pages(void);

#endif /* FUZZ_H */
