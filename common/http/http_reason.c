/* http_reason: the reason phrases of the IANA registry of HTTP status codes (RFC 9110 15 and others). */
#include "common/http/h1_write.h"

struct slice http_reason(int status)
{
	switch (status) {
	case 100: return S("Continue");
	case 101: return S("Switching Protocols");
	case 102: return S("Processing");
	case 103: return S("Early Hints");
	case 200: return S("OK");
	case 201: return S("Created");
	case 202: return S("Accepted");
	case 203: return S("Non-Authoritative Information");
	case 204: return S("No Content");
	case 205: return S("Reset Content");
	case 206: return S("Partial Content");
	case 207: return S("Multi-Status");
	case 208: return S("Already Reported");
	case 226: return S("IM Used");
	case 300: return S("Multiple Choices");
	case 301: return S("Moved Permanently");
	case 302: return S("Found");
	case 303: return S("See Other");
	case 304: return S("Not Modified");
	case 305: return S("Use Proxy");
	case 307: return S("Temporary Redirect");
	case 308: return S("Permanent Redirect");
	case 400: return S("Bad Request");
	case 401: return S("Unauthorized");
	case 402: return S("Payment Required");
	case 403: return S("Forbidden");
	case 404: return S("Not Found");
	case 405: return S("Method Not Allowed");
	case 406: return S("Not Acceptable");
	case 407: return S("Proxy Authentication Required");
	case 408: return S("Request Timeout");
	case 409: return S("Conflict");
	case 410: return S("Gone");
	case 411: return S("Length Required");
	case 412: return S("Precondition Failed");
	case 413: return S("Content Too Large");
	case 414: return S("URI Too Long");
	case 415: return S("Unsupported Media Type");
	case 416: return S("Range Not Satisfiable");
	case 417: return S("Expectation Failed");
	case 418: return S("I'm a teapot");
	case 421: return S("Misdirected Request");
	case 422: return S("Unprocessable Content");
	case 423: return S("Locked");
	case 424: return S("Failed Dependency");
	case 425: return S("Too Early");
	case 426: return S("Upgrade Required");
	case 428: return S("Precondition Required");
	case 429: return S("Too Many Requests");
	case 431: return S("Request Header Fields Too Large");
	case 451: return S("Unavailable For Legal Reasons");
	case 500: return S("Internal Server Error");
	case 501: return S("Not Implemented");
	case 502: return S("Bad Gateway");
	case 503: return S("Service Unavailable");
	case 504: return S("Gateway Timeout");
	case 505: return S("HTTP Version Not Supported");
	case 506: return S("Variant Also Negotiates");
	case 507: return S("Insufficient Storage");
	case 508: return S("Loop Detected");
	case 510: return S("Not Extended");
	case 511: return S("Network Authentication Required");
	default: return S("Unknown");
	}
}
