# launches.pl FILE.cu - prints it as C++: kernel<<<...>>>(...) becomes a call of emulated_launch.
use strict;
use warnings;
local $/;
open(my $in, '<', $ARGV[0]) or die "$ARGV[0]: $!\n";
my $text = <$in>;
sub launch { # its kernel, its shape
    my ($kernel, $shape) = @_;
    (my $name = $kernel) =~ s/\s+/ /g;
    return "emulated_launch(\"$name\", $shape, $kernel, ";
}
my $n = $text =~ s/([A-Za-z_]\w*(?:<[^<>;(){}]*>)?)\s*<<<(.*?)>>>\s*\(/launch($1, $2)/gse;
die "$ARGV[0]: no launch was found\n" unless $n;
$text =~ s/\bNULL\b/nullptr/g; # which a template knows from a number
print "#include \"kernel.h\"\n#line 1 \"$ARGV[0]\"\n$text";
