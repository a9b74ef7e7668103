/** Apart from the program: who runs for years needs it once. */
export const HELP = `nightshift-agent: the part of Nightshift that runs beside the host

usage: nightshift-agent --board NAME --config FILE [--check]
       nightshift-agent --config FILE --identity | --drive-passwords | --technicians
       nightshift-agent --config FILE --add-technician NAME | --remove-technician NAME
       nightshift-agent board test [--board NAME] [--config FILE] [--drive] [--json]

  --board NAME    the board it runs on: a folder of boards/
  --config FILE   its configuration (YAML); see docs/board-maker.md
  --identity      print the device's name and public key, making the key where there is none, and end
  --drive-passwords
                  print the passwords that it gave to drives (lock.driveSecurity), for whoever must open one on
                  another machine, and end; they are secrets
  --technicians   who may log in at the console, and what the keyring knows of them
  --add-technician NAME
                  let somebody log in at the console; the password is the first line of standard input
  --remove-technician NAME
                  let him no more
  --check         read the configuration for this board, say what is wrong with it, and end
  board test      read all that the board's description names, and say of each: proven, FAILED, absent, not tried;
                  nothing is driven but, with --drive, its lights. Without --board the machine is recognised.
                  Exit codes: 0 all is proven or absent, 1 something failed, 3 something was not tried
  --version       print the version
  --help          print this

It runs until SIGTERM or SIGINT; what is open then goes on at the next start. Exit codes: 0 stopped as asked,
1 failed, 2 wrong usage or configuration. NIGHTSHIFT_BROKER and NIGHTSHIFT_STATE override the file.
`;
