/* main.c - see cli.c for the verbs. */
#include "cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
