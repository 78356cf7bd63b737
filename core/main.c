/* main.c - see cli.c for the verbs. */
#include "cli.h"
#include "loop/loop.h"

int main(int argc, char **argv)
{
    int status = cli_main(argc, argv);
    loop_end_workers();
    return status;
}
