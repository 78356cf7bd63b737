/* private.h - what the files of the mobile-dialer API share. */
#ifndef MOBILE_DIALER_PRIVATE_H
#define MOBILE_DIALER_PRIVATE_H

#include "api/api.h"
#include "api/mobile_dialer/mobile_dialer.h"
#include "base/json.h"
#include "domain/mock_numbers.h"

/* What each endpoint checks; also told of requests that are refused for want of a key. */
void check_connection_check(struct check *c);
const json_t *mock_connect_check(struct check *c);
const json_t *disconnect_call_check(struct check *c);

/* The id of a number that only seems to be in a call: "mock-5550100-1767268800". */
#define MOCK_ID_SIZE 40
void mobile_mock_id(const struct mock_range *range, uint32_t key, char out[MOCK_ID_SIZE]);
/* The key in such an id; 0: there is none. false: it is another's id. */
bool mobile_mock_key(const char *id, uint32_t *key);

void mobile_time(struct json_writer *w, const char *name, int64_t unix_ms);
void mobile_now(struct json_writer *w);

/* A change of the mock numbers that did not come about. */
void mobile_mock_problem(struct request *req, enum dg_err err, const char *message,
                         unsigned retry_s);

extern const struct schema mobile_detail;

#endif
