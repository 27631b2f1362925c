/* pick: see pick.h. */
#include "dp/upstream/pick.h"

static enum balancer_answer pick_peer(const struct upstream_def *u, const struct balancer_query *q, struct pick *out)
{
	struct balancer_pick b;
	enum balancer_answer answer = balancer_pick(u, q, &b);

	if (answer == BALANCER_PICKED)
		*out = (struct pick){.host = b.host,
		        .address = &b.to->address.any,
		        .address_len = b.to->len,
		        .host_header = b.host_header,
		        .peer = b.peer};
	return answer;
}

enum balancer_answer pick_next(
        const struct destination *to, const struct upstream_def *u, const struct balancer_query *q, struct pick *out)
{
	if (u)
		return pick_peer(u, q, out);
	*out = (struct pick){
	        .host = to->host,
	        .port = to->port,
	        .address = (const struct sockaddr *)&to->address,
	        .address_len = to->is_address ? to->address_len : 0,
	        .host_header = to->host_header,
	};
	return BALANCER_PICKED;
}
