/* system.h - what belongs to no single API: the root, health, metrics and the
 * documentation. Open to everybody. */
#ifndef API_SYSTEM_H
#define API_SYSTEM_H

#include "api/doc.h"
#include "http/request.h"

route_fn system_root;         /* GET / */
route_fn system_health;       /* GET /health: always 200 */
route_fn system_readiness;    /* GET /readiness: 200 or 503 */
route_fn system_metrics;      /* GET /metrics: Prometheus text 0.0.4 */
route_fn system_openapi;      /* GET /openapi.json */
route_fn system_capabilities; /* GET /capabilities */
route_fn system_nodes;        /* GET /api/v2/nodes: for administrators */
route_fn system_docs;         /* GET /docs, /redoc and the files below */

extern const struct route_doc system_root_doc, system_health_doc, system_readiness_doc,
    system_metrics_doc, system_openapi_doc, system_docs_doc, system_redoc_doc,
    system_capabilities_doc, system_nodes_doc;

#endif
