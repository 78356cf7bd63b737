/* control.h - what can be done to a call, by its id, below /api/v2/calls/{call_id}.
 * Errors are those of the contact-center API, {"detail": ...}:
 *
 *   404 no such call, variable, recording     409 the call is in no state for this
 *   501 its backend cannot do it, and why     502, 503, 504 its backend's failure
 */
#ifndef API_CONTROL_H
#define API_CONTROL_H

#include "api/doc.h"
#include "http/request.h"

/* POST below /api/v2/calls/{call_id} */
route_fn control_transfer_complete, control_transfer_cancel; /* transfer/complete, /cancel */
route_fn control_hangup, control_transfer, control_redirect, control_hold, control_unhold,
    control_mute, control_unmute, control_dtmf, control_play, control_park_call,
    control_record_start, control_record_pause, control_record_resume;
route_fn control_record_stop;   /* DELETE .../recording */
route_fn control_history;       /* GET /api/v2/calls */
route_fn control_parked_calls;  /* GET /api/v2/parked */
route_fn control_retrieve_call; /* POST /api/v2/parked/{slot}/retrieve */
/* GET, PUT /api/v2/calls/{call_id}/variables/{name} */
route_fn control_get_variable, control_set_variable;

extern const struct route_doc control_transfer_complete_doc, control_transfer_cancel_doc,
    control_hangup_doc, control_transfer_doc, control_redirect_doc, control_hold_doc,
    control_unhold_doc, control_mute_doc, control_unmute_doc, control_dtmf_doc, control_play_doc,
    control_get_variable_doc, control_set_variable_doc, control_park_doc, control_record_start_doc,
    control_record_pause_doc, control_record_resume_doc, control_record_stop_doc,
    control_parked_calls_doc, control_retrieve_doc, control_history_doc;

#endif
