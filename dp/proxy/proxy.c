/* proxy: see proxy.h. What settings say is options.c. */
#include "dp/proxy/proxy.h"

#include "dp/proxy/request.h"

void proxy_init(struct proxy *p)
{
	server_init(&p->server, p->loop, &proxy_stream_ops, p);
	p->server.stream_size = sizeof(struct request);
	p->server.max_body = p->options->max_body;
	p->server.limits = p->options->request_limits;
	links_init(&p->links, p->loop);
	pool_init(&p->pool, p->loop, &p->options->pool);
	parties_init(&p->parties, p->outward);
	p->ids.left = 0;
}

void proxy_fini(struct proxy *p)
{
	links_fini(&p->links);
	pool_fini(&p->pool);
	parties_fini(&p->parties);
}
