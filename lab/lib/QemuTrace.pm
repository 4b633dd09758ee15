package QemuTrace;
# QEMU's trace (lab/boot -T): events of its lines, and the windows and entries that follow from
# them. lab/trace is the program.
#
#   my $trace = QemuTrace->new($file);
#   while (my $e = $trace->next) { ... }
#
# An event is a hash. $e->{what} is put, stuff, indirect, get, xlate, refused, query, create,
# remove, reset, table or mark, and $e->{pe} is the PE. The other members depend on the event:
# liobn, buid, ioba, iova, start, size, page, pages, tce, perm, windows, ret, mark. "set" and
# "cleared" are the numbers of entries that a call has set and cleared, "left" is the number of
# entries that were still set in the windows that a call has removed, and "restored" is the LIOBN
# of the default window that has come back.
#
# $trace->{window} and $trace->{set} are the state after the event: for each LIOBN the window's
# start, size and shift, and its entries that are set.
#
# Numbers: a PE is a PHB. QEMU's LIOBN is 0x80000000 + 256 * PHB + number, its BUID is
# 0x800000020000000 + PHB, and the default window has the number 0. Lines for VFIO under KVM have
# "pci_" in their names.
use strict;
use warnings;

my %follow = map { $_ => "follow_$_" } qw(put indirect stuff xlate table create remove reset);

sub new {
	my ($class, $file) = @_;
	open my $in, '<', $file or die "lab/trace: $file: $!\n";
	return bless { in => $in, window => {}, set => {}, default => {} }, $class;
}

{ no warnings 'portable'; sub num { my $n = shift; return $n =~ /^0x/ ? hex $n : $n } }
sub pe_of_liobn { return (shift() & 0x7fffffff) >> 8 }
sub pe_of_buid { return shift() & 0xffff }
sub default_liobn { return 0x80000000 | shift() << 8 }

# next : the next event, or undef at the end. The state follows.
sub next {
	my $self = shift;
	my $in = $self->{in};
	while (my $line = <$in>) {
		my $e = parse($line) or next;
		my $follow = $follow{$e->{what}};
		$self->$follow($e) if $follow;
		return $e;
	}
	return;
}

# next_name : the same without the state, and only $e->{what} and $e->{mark}; fast, for traces of
# many calls
sub next_name {
	my $in = shift->{in};
	while (my $line = <$in>) {
		return { what => $1 } if $line =~ /^spapr_iommu_(?:pci_|ddw_)?([a-z]+) /;
		return parse($line) if $line =~ /^pci_cfg_write .* \@0x0 /;
	}
	return;
}

# The form of each line behind spapr_iommu_, and the members that its words become
my %form = (
	put => [qr/^liobn=(\S+) ioba=(\S+) tce=(\S+) ret=(\S+)/, qw(liobn ioba tce ret)],
	# QEMU counted ioba up: it is the end of the range, or where it stopped
	stuff => [qr/^liobn=(\S+) ioba=(\S+) tcevalue=(\S+) npages=(\d+) ret=(\S+)/, qw(liobn end tce pages ret)],
	# iobaN is the number of the last entry done; only its TCE is known
	indirect => [qr/^liobn=(\S+) ioba=(\S+) tcelist=\S+ iobaN=(\S+) tceN=(\S+) ret=(\S+)/, qw(liobn ioba last tce ret)],
	get => [qr/^liobn=(\S+) ioba=(\S+) ret=(\S+) tce=(\S+)/, qw(liobn ioba ret tce)],
	xlate => [qr/^liobn=(\S+) (\S+) -> (\S+) perm=(\d+)/, qw(liobn offset tce perm)],
	query => [qr/^buid=(\S+) addr=(\S+), (\d+) windows available/, qw(buid addr windows)],
	create => [qr/^buid=(\S+) addr=\S+, page size=(\S+), requested=(\S+), start addr=(\S+), liobn=(\S+)/,
		qw(buid page size start liobn)],
	remove => [qr/^liobn=(\S+)/, qw(liobn)],
	reset => [qr/^buid=(\S+)/, qw(buid)],
	table => [qr/^liobn=(\S+)/, qw(liobn)],
);

# parse LINE : the event of a line, without regard to state
sub parse {
	my $line = shift;
	my $e = {};
	if ($line =~ /^spapr_iommu_(?:pci_|ddw_|new_)?([a-z]+) (.*)/) {
		my ($regex, @members) = @{$form{$e->{what} = $1} // return};
		my @values = $2 =~ $regex or return;
		@$e{@members} = map { num($_) } @values;
		$e->{pe} = defined $e->{buid} ? pe_of_buid($e->{buid}) : pe_of_liobn($e->{liobn});
		return $e;
	}
	# the vendor ID is read-only, so only marks are written there
	return unless $line =~ /^pci_cfg_write \S+ \S+ \@0x0 <- (0x[0-9a-f]+)/;
	return { what => 'mark', mark => num($1) };
}

# The window of a LIOBN. The default window has 4K pages. It is never announced; its start shows
# in the kernel's first call, which clears the window from its start.
sub window {
	my ($self, $liobn, $ioba) = @_;
	my $w = $self->{window}{$liobn} //= { shift => 12, default => 1 };
	$w->{start} = $ioba if $w->{default} && defined $ioba && $ioba < ($w->{start} // ~0);
	return $w;
}

# A window is removed, with its table; returns the number of entries that were still set
sub gone {
	my ($self, $liobn) = @_;
	my $left = keys %{$self->{set}{$liobn} // {}};
	delete $self->{set}{$liobn};
	delete $self->{window}{$liobn};
	return $left;
}

sub windows_of {
	my ($self, $pe) = @_;
	return grep { pe_of_liobn($_) == $pe } keys %{$self->{window}};
}

# A call that succeeded has written its entries
sub write_entries {
	my ($self, $e) = @_;
	return if $e->{ret};
	my $first = $e->{ioba} >> $self->window(@$e{qw(liobn ioba)})->{shift};
	my $set = $self->{set}{$e->{liobn}} //= {};
	if ($e->{tce} & 3) {
		$e->{set} = $e->{pages};
		$set->{$_} = 1 for $first .. $first + $e->{pages} - 1;
	} else {
		$e->{cleared} = $e->{pages};
		delete @$set{$first .. $first + $e->{pages} - 1} if %$set;
	}
}
sub follow_put {
	my ($self, $e) = @_;
	$e->{pages} = 1;
	$self->write_entries($e);
}
sub follow_indirect {
	my ($self, $e) = @_;
	$e->{pages} = 1 + delete $e->{last};
	$self->write_entries($e);
}
sub follow_stuff {
	my ($self, $e) = @_;
	my $end = delete $e->{end};
	$e->{ioba} = $e->{ret} ? $end : $end - ($e->{pages} << $self->window($e->{liobn})->{shift});
	$self->write_entries($e);
}
sub follow_xlate {
	my ($self, $e) = @_;
	$e->{what} = 'refused' unless $e->{perm};
	# QEMU prints the address from the window's start
	$e->{iova} = ($self->window($e->{liobn})->{start} // 0) + delete $e->{offset};
}
sub follow_table { my ($self, $e) = @_; $self->window($e->{liobn}) }

sub follow_create {
	my ($self, $e) = @_;
	my $shift = 0;
	$shift++ while 1 << $shift < $e->{page};
	$self->{window}{$e->{liobn}} = { start => $e->{start}, size => $e->{size}, shift => $shift };
}

sub follow_remove {
	my ($self, $e) = @_;
	my ($pe, $w) = ($e->{pe}, $self->window($e->{liobn}));
	my $default = default_liobn($pe);
	$self->{default}{$pe} = $w if $w->{default};
	$e->{left} = $self->gone($e->{liobn});
	# PAPR: the default window comes back when another window was the last. QEMU takes each
	# window of its number for the default one.
	if ($e->{liobn} != $default && !$self->windows_of($pe)) {
		$self->{window}{$default} = $self->{default}{$pe};
		$e->{restored} = $default;
	}
}

sub follow_reset {
	my ($self, $e) = @_;
	my ($pe, $default) = ($e->{pe}, default_liobn($e->{pe}));
	my $w = $self->{window}{$default};
	$self->{default}{$pe} = $w if $w && $w->{default};
	$e->{left} = 0;
	$e->{left} += $self->gone($_) for $self->windows_of($pe);
	$self->{window}{$default} = $self->{default}{$pe} // { shift => 12, default => 1 };
}

1;
