# The front door. `make` lists what can be done.
BASE ?= 7.3
BASES := 7.3 6.12 6.1
export BASE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo check check-base check-bases check-debug check-life check-mock check-fixes check-qemu check-rounds fuzz peer bench clients clients-check tree refresh series series-build kernel selftests shell lint clean install

help:
	@echo 'make VERB [BASE=$(BASE)] [QEMU=10]'
	@echo '  BASE is the kernel: $(BASES). QEMU=10 boots all guests in QEMU 10 of the backports.'
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | sed 's/$$(BASE)/$(BASE)/' | expand -t 18

demo: install tree ## show devices moving data through VFIO: stock $(BASE), then ours
	@lab/stock busybox
	@lab/beside stock-$(BASE)
	@lab/kernel 64k
	@lab/selftests
	@lab/demo

check: install tree ## build everything and run all tests
	@lab/stock busybox
	@lab/stock -o kexec stock-6.1
	@lab/kernel 64k 4k
	@lab/selftests
	@prove -j$(or $(TEST_JOBS),6) -e '' $(TESTS) || lab/failures

check-bases: install ## the series on the other bases: each is built and booted, with the tests in which it may differ
	@for base in $(filter-out $(BASE),$(BASES)); do $(MAKE) check-base BASE=$$base || exit; done

check-base: install tree ## a part of `make check`, on one kernel
	@lab/stock kexec
	@lab/stock busybox
	@lab/kernel 64k
	@lab/selftests
	@KERNEL=ours-64k prove -j$(or $(TEST_JOBS),6) -e '' $(CORE) || lab/failures

check-debug: install tree ## selftests, KUnit, failures and the fuzzer on a kernel with all checks, or with that of data races (KERNEL=ours-kcsan)
	@lab/kernel $(patsubst ours-%,%,$(DEBUG_KERNEL))
	@lab/selftests
	@KERNEL=$(DEBUG_KERNEL) prove -j$(or $(TEST_JOBS),3) -e '' $(DEBUG) || lab/failures

check-life: install tree ## kexec, hotplug and kinds of PE on the kernels with lockdep and with all checks (KERNELS='ours-4k ours-debug')
	@lab/stock kexec
	@lab/kernel $(patsubst ours-%,%,$(LIFE_KERNELS))
	@lab/selftests
	@for kernel in $(LIFE_KERNELS); do KERNEL=$$kernel prove -j$(or $(TEST_JOBS),2) -e '' $(LIFE) || exit; done

check-fixes: install tree ## the fixes alone, on emulated bare metal, pass their selftests
	@lab/part vfio-fixes
	@lab/selftests
	@prove -e '' tests/fixes/*.t || lab/failures

check-mock: install tree ## the kernel's own tests of IOMMUFD, on a kernel with mock devices (7.3)
	@lab/stock busybox
	@lab/kernel mock
	@lab/selftests
	@prove -e '' tests/mock/*.t || lab/failures

check-qemu: install tree ## the selftests in QEMU 10
	@lab/stock busybox qemu-10
	@lab/kernel 64k
	@lab/selftests
	@prove -e '' tests/qemu/*.t || lab/failures

check-rounds: install tree ## 10,000 users and windows, one after the other, leave nothing behind (ROUNDS=10000)
	@lab/kernel 64k
	@lab/selftests
	@ROUNDS=$(or $(ROUNDS),10000) prove -v -e '' tests/rounds.t

fuzz: install tree ## random calls from four threads, compared with a model (KERNEL=ours-debug FUZZ='-t 600')
	@lab/kernel $(patsubst ours-%,%,$(DEBUG_KERNEL))
	@lab/selftests
	@lab/fuzz -k $(DEBUG_KERNEL) $(FUZZ)

peer: install tree ## the selftests on the kernel that ours is compared with: a report, which decides nothing
	@lab/stock busybox
	@lab/beside
	@lab/selftests
	@lab/peer

bench: install tree ## what windows and mappings cost, with upstream's VFIO for pSeries and with ours
	@lab/stock busybox
	@lab/beside
	@lab/kernel 64k
	@lab/selftests
	@bench/run

clients: install ## root filesystems with DPDK and with QEMU, for the guests
	@lab/rootfs

clients-check: install tree ## DPDK and QEMU use VFIO in guests of ours (and KERNEL=stock-6.12)
	@lab/stock busybox
	@lab/stock -o $(filter stock-%,$(KERNEL))
	@lab/kernel 64k
	@lab/selftests
	@clients/run ours-64k $(filter-out ours-64k,$(KERNEL))

tree: install ## build/$(BASE)/tree: the kernel as a git repository, a commit per patch
	@lab/tree

refresh: ## bring commits made in build/$(BASE)/tree back into patches/ and linux/
	@lab/refresh

series: tree ## build/$(BASE)/series: mails, the whole and its parts, checked with `git am`
	@lab/series

series-build: tree ## build and boot every commit of the series (long)
	@lab/series-build

kernel: install tree ## build/$(BASE)/{64k,4k,debug}: our kernels
	@lab/kernel 64k 4k debug

selftests: install tree ## the selftests and lab/programs, for the guests
	@lab/selftests

shell: install tree ## a shell in a guest (MACHINE=p9 KERNEL=ours-64k)
	@lab/kernel 64k
	@lab/selftests
	@lab/boot -i -m $(or $(MACHINE),p9) -k $(or $(KERNEL),ours-64k)

lint: install tree ## checkpatch, sparse, W=1, kernel-doc, shellcheck, other configurations
	@lab/lint

clean: ## remove what was built (downloads and the compiler cache stay)
	@lab/clean

install: ## the Debian packages all this needs
	@lab/install

# The longest first: PowerNV guests mostly wait for resets, a kernel with KASAN is slow.
LONG := tests/fail-nth.t tests/kexec-kinds.t tests/pe-kinds.t tests/kexec.t $(sort $(wildcard tests/powernv-*.t)) tests/hotplug.t tests/selftests-4k.t
TESTS ?= $(LONG) $(filter-out $(LONG),$(sort $(wildcard tests/*.t)))

CORE := $(addprefix tests/,pe-kinds.t kexec.t kvm.t selftests-p8.t selftests-p9.t selftests-p10.t)

DEBUG_KERNEL = $(or $(KERNEL),ours-debug)
DEBUG := $(sort $(wildcard tests/debug/*.t)) $(addprefix tests/,kunit.t fail-nth.t host-failures.t fuzz.t)

LIFE_KERNELS = $(or $(KERNELS),ours-4k ours-debug)
LIFE := tests/kexec-kinds.t tests/kexec.t tests/hotplug.t tests/pe-kinds.t tests/pmem.t
