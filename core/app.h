/* app.h - the gateway as a whole: started and stopped as one table of steps. */
#ifndef APP_H
#define APP_H

/* Each returns the process's exit status; what went wrong is on standard error. */
int app_serve(const char *config_file);   /* until SIGTERM or SIGINT */
int app_check(const char *config_file);   /* every problem of the configuration */
int app_plugins(const char *config_file); /* loadable plugins and all keys */

#endif
