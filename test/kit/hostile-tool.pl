#!/usr/bin/perl
# A filesystem tool that a hostile disk has taken over: tries to get out and says how far it came, a line "what=yes" or
# "what=no" each. Arguments: what to do, then NAME=VALUE pairs.
use strict;
use warnings;
use POSIX ();
use Socket;
$| = 1;

my $act = shift;
my %at = map { split /=/, $_, 2 } @ARGV;

sub say_of { my ($what, $done) = @_; print $what, '=', ($done ? 'yes' : 'no'), "\n" }
sub can_read { my ($path) = @_; my ($file, $byte); return open($file, '<', $path) && defined read($file, $byte, 1) }
sub can_write { my ($path) = @_; my $file; return open($file, '>>', $path) && print {$file} 'x' }
# In a child, which a limit may kill.
sub survives {
  my ($try) = @_;
  my $child = fork();
  return 0 unless defined $child;
  if ($child == 0) { open(STDERR, '>', '/dev/null'); exit($try->() ? 0 : 1) }
  waitpid($child, 0);
  return $? == 0;
}

if ($act eq 'probe') {
  say_of('reads-system-secrets', can_read('/etc/shadow') || can_read('/etc/hostname'));
  say_of('reads-own-storage', can_read($at{secret}));
  say_of('writes-elsewhere', can_write("$at{directory}/escaped"));
  say_of('reads-staged', can_read($at{staged}));
  say_of('writes-staged', can_write($at{staged}));
  my $image;
  say_of('writes-image', open($image, '+<', $at{image}) && syswrite($image, 'chang'));
  socket(my $tcp, PF_INET, SOCK_STREAM, 0);
  say_of('connects-tcp', connect($tcp, sockaddr_in($at{port}, inet_aton('127.0.0.1'))));
  socket(my $unix, PF_UNIX, SOCK_STREAM, 0);
  say_of('connects-unix', connect($unix, sockaddr_un($at{socket})));
  say_of('sees-processes', kill(0, $at{pid}) || $!{EPERM});
  say_of('is-root', $> == 0);
  my $gained = defined $at{setuid} ? `$at{setuid} -u 2>/dev/null` : '';
  say_of('gains-root', $> != 0 && $gained =~ /^0$/);
  say_of('makes-namespaces', system('unshare --user true 2>/dev/null') == 0);
  say_of('grows-files', survives(sub { my $file; open($file, '+<', $at{image}) && sysseek($file, 1 << 20, 0) && syswrite($file, 'x') }));
  say_of('takes-memory', survives(sub { my $size = 1 << 31; my $much = 'x' x $size; 1 }));
  my @files;
  for (1 .. 300) { open(my $file, '<', '/dev/null') or last; push @files, $file }
  say_of('opens-many', @files == 300);
  @files = ();
  my @children;
  for (1 .. 100) {
    my $child = fork();
    last unless defined $child;
    if ($child == 0) { sleep 60; exit 0 }
    push @children, $child;
  }
  kill('KILL', @children);
  waitpid($_, 0) for @children;
  say_of('forks-many', @children == 100);
}
elsif ($act eq 'talk') {
  my $much = 'x' x (1 << 20);
  for (1 .. 1024) { print $much }
}
elsif ($act eq 'linger' || $act eq 'leave-child') {
  $SIG{$_} = 'IGNORE' for qw(TERM INT HUP PIPE);
  if ($act eq 'leave-child') { exit 0 if fork(); POSIX::setsid() }
  print "up\n";
  sleep 1 while 1;
}
