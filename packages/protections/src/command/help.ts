/** What `sluice --help` prints. */
export const HELP = `Usage: sluice migrate FROM TO [options]

Moves all that the storage FROM holds into the storage TO: limits, blocks, clients and debounce windows, each with the rest of
its life. Nothing is removed from FROM. What TO has already is merged to what is at least as strict as either, so the command
may run while both are in use, and may run again: after an interruption it goes on, and when all is there it changes nothing.

FROM and TO name storages as openStore takes them:
  redis://user:password@host:6379/0   rediss://…   redis-cluster://host:6379,other:6379   redis-sentinel://host:26379/name
  postgres://user:password@host/database   dynamodb://table?region=eu-west-1   sqlite:file.db
or env:NAME for the value of an environment variable, which keeps passwords out of the list of processes.

Options:
  --dry-run     write nothing, and tell what would be done
  --create      make the table in TO where it is missing
  --json        print the summary as one line of JSON, and no progress
  --no-progress show no progress; it is only shown on a terminal, and FROM is then read once more, to count it
  --help        print this
  --version     print the version

Exit status: 0 done, 1 failed, 2 wrong arguments, 130 interrupted by Ctrl-C (143 by SIGTERM), after the page under way.
`;
