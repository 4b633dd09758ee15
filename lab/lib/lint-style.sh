# shellcheck shell=bash disable=SC2154
# Sourced by lab/lint: the checks that read files, and compile none.

# lint_scripts : shellcheck on all shell scripts
lint_scripts() {
	local scripts
	say "lint: shellcheck"
	(cd "$top" && mapfile -t scripts < <(grep -lE '^#!/bin/(ba)?sh|^# shellcheck shell' -r lab tests bench clients .ci)
		shellcheck "${scripts[@]}") | complain shellcheck || true
	(cd "$top" && shellcheck -s dash -e SC2154 lab/guest/*) | complain "shellcheck, guest" || true
}

# lint_patches : checkpatch on each commit of the series. Its Python helper needs Debian's Python,
# with Debian's modules. The tree lacks the history, so no commit of a Fixes: tag is known, and
# MAINTAINERS has patterns for new files. Groundwork of fixes is for stable kernels and fixes nothing
# itself, and two defects are older than the history.
lint_patches() {
	local c
	say "lint: checkpatch --strict"
	for c in $(git rev-list --reverse base..HEAD); do
		git format-patch --stdout -1 "$c" | (cd "$tree" && PATH=/usr/bin:$PATH scripts/checkpatch.pl --strict -q --no-summary \
			--show-types --ignore UNKNOWN_COMMIT_ID,FILE_PATH_CHANGES,MISSING_FIXES_TAG - 2>&1) |
			complain "checkpatch: $(git log -1 --format=%s "$c")" || true
	done
}

# lint_programs : checkpatch on lab/programs, which have no strscpy()
lint_programs() {
	local f
	(cd "$top" && for f in lab/programs/*.[ch]; do
		PATH=/usr/bin:$PATH perl "$tree/scripts/checkpatch.pl" --no-tree --strict -q --no-summary --show-types \
			--ignore PREFER_KERNEL_TYPES,STRCPY -f "$f" 2>&1 || true
	done) | complain "checkpatch: lab/programs" || true
}

# lint_docs : kernel-doc on the files that the series touches. Needs lint-compile.sh.
lint_docs() {
	local rev f
	say "lint: kernel-doc"
	for rev in base HEAD; do
		checkout "$rev"
		(cd "$src" && for f in "${touched[@]}"; do
			[ ! -e "$f" ] || perl scripts/kernel-doc -none "$f" 2>&1
		done | grep -iE 'warning|error' || true) | normal >"$lint/doc.$rev"
	done
	comm -13 "$lint/doc.base" "$lint/doc.HEAD" | complain kernel-doc
}
