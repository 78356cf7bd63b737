/* cli.h - the command line: verbs, their arguments, their exit status. */
#ifndef CLI_H
#define CLI_H

/* 0: done; 1: refused or failed, with one sentence on standard error; 2: wrong usage. */
int cli_main(int argc, char **argv);

#endif
