# launches.pl FILE.cu - prints it as C++: kernel<<<...>>>(...) becomes a call of emulated_launch.
use strict;
use warnings;
local $/;
open(my $in, '<', $ARGV[0]) or die "$ARGV[0]: $!\n";
my $text = <$in>;
my $n = $text =~ s/([A-Za-z_]\w*(?:<[^<>;(){}]*>)?)\s*<<<(.*?)>>>\s*\(/emulated_launch($2, $1, /gs;
die "$ARGV[0]: no launch was found\n" unless $n;
$text =~ s/\bNULL\b/nullptr/g; # which a template knows from a number
print "#include \"kernel.h\"\n#line 1 \"$ARGV[0]\"\n$text";
