/* protocols: the names of protocols as lists, in the order of messages (entities.md section 2). */
#ifndef COMMON_ENTITY_PROTOCOLS_H
#define COMMON_ENTITY_PROTOCOLS_H

#define PROTOCOL_NAMES      ONE_OF("grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp")
#define PROTOCOL_NAMES_HTTP ONE_OF("grpc", "grpcs", "http", "https")

#endif
