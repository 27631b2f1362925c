/* staple: see staple.h. Any thread; one short lock for all of them, taken once in a handshake whose client asks. */
#include "dp/tls/staple.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/core/clock.h"
#include "common/crypto/x509.h"

enum { SKEW_S = 300, DAY_S = 86400, PAUSE_FIRST_S = 60, PAUSE_LAST_S = 3600, LIFE_S = 3600, URL_MAX = 1024 };

struct staple {
	unsigned refs; /* under the lock, as all below the line */
	char *url;
	X509 *issuer;
	OCSP_CERTID *id;
	unsigned char *question;
	int question_len;
	/* ---- */
	unsigned char *answer; /* NULL: none yet */
	int answer_len;
	int64_t until_s;             /* wall clock */
	uint64_t renew_ms, retry_ms; /* monotonic: a clock that is moved makes nobody wait */
	int pause_s;
	bool fetching;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int staple_index;
static struct staple none; /* marks a certificate without */

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void free_staple(struct staple *s)
{
	free(s->url);
	X509_free(s->issuer);
	OCSP_CERTID_free(s->id);
	OPENSSL_free(s->question);
	free(s->answer);
	free(s);
}

static void unref(struct staple *s)
{
	pthread_mutex_lock(&lock);
	bool is_last = --s->refs == 0;
	pthread_mutex_unlock(&lock);
	if (is_last)
		free_staple(s);
}

static void on_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	if (ptr && ptr != &none)
		unref(ptr);
}

static void make_index(void)
{
	staple_index = X509_get_ex_new_index(0, NULL, NULL, NULL, on_free);
}

/* ---- the question ---------------------------------------------------------------------------------------------- */

/* The first responder that is spoken to by HTTP. */
static char *responder_of(X509 *cert)
{
	STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(cert);
	char *found = NULL;

	for (int i = 0; !found && i < sk_OPENSSL_STRING_num(urls); i++) {
		struct slice url = slice_cstr(sk_OPENSSL_STRING_value(urls, i));
		if (url.len < URL_MAX && (slice_starts(url, S("http://")) || slice_starts(url, S("https://"))))
			found = slice_strdup(url);
	}
	X509_email_free(urls);
	return found;
}

static bool make_question(struct staple *s)
{
	OCSP_REQUEST *r = OCSP_REQUEST_new();
	OCSP_CERTID *id = OCSP_CERTID_dup(s->id);

	if (!r || !id || !OCSP_request_add0_id(r, id)) {
		OCSP_CERTID_free(id);
		OCSP_REQUEST_free(r);
		return false;
	}
	s->question_len = i2d_OCSP_REQUEST(r, &s->question);
	OCSP_REQUEST_free(r);
	return s->question_len > 0;
}

static struct staple *make_staple(X509 *cert, STACK_OF(X509) * chain)
{
	X509 *issuer = sk_X509_num(chain) > 0 ? sk_X509_value(chain, 0) : NULL;
	char *url = issuer && X509_check_issued(issuer, cert) == X509_V_OK ? responder_of(cert) : NULL;

	if (!url)
		return &none;
	struct staple *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->refs = 1;
	s->url = url;
	X509_up_ref(issuer);
	s->issuer = issuer;
	s->pause_s = PAUSE_FIRST_S;
	s->id = OCSP_cert_to_id(NULL, cert, issuer);
	if (s->id && make_question(s))
		return s;
	free_staple(s);
	return &none;
}

/* Under the lock. */
static struct staple *staple_of(X509 *cert, STACK_OF(X509) * chain)
{
	struct staple *s = X509_get_ex_data(cert, staple_index);

	if (s)
		return s;
	s = make_staple(cert, chain);
	ERR_clear_error();
	if (X509_set_ex_data(cert, staple_index, s) != 1)
		abort();
	return s;
}

/* ---- in the handshake ------------------------------------------------------------------------------------------ */

static unsigned char *copy_answer(const struct staple *s, int64_t now_s, size_t *n)
{
	if (!s->answer || now_s >= s->until_s)
		return NULL;
	*n = (size_t)s->answer_len;
	return OPENSSL_memdup(s->answer, *n);
}

unsigned char *staple_take(X509 *cert, STACK_OF(X509) * chain, size_t *n, struct staple **wanted)
{
	int64_t now_s = clock_wall_s();
	unsigned char *answer = NULL;

	*wanted = NULL;
	pthread_once(&once, make_index);
	pthread_mutex_lock(&lock);
	struct staple *s = staple_of(cert, chain);
	if (s != &none) {
		answer = copy_answer(s, now_s, n);
		uint64_t now_ms = clock_mono_ms();
		bool is_due = !s->answer || now_s >= s->until_s || now_ms >= s->renew_ms;
		if (is_due && !s->fetching && now_ms >= s->retry_ms) {
			s->fetching = true;
			s->refs++;
			*wanted = s;
		}
	}
	pthread_mutex_unlock(&lock);
	return answer;
}

struct slice staple_url(const struct staple *s)
{
	return slice_cstr(s->url);
}

struct slice staple_question(const struct staple *s)
{
	return slice_of((const char *)s->question, (size_t)s->question_len);
}

/* ---- the answer ------------------------------------------------------------------------------------------------ */

static bool refuse(struct err *e, const char *what)
{
	char why[160];
	return ERR_peek_error() ? err_set(e, "%s: %s", what, x509_error(why, sizeof why)) : err_set(e, "%s", what);
}

/* Signed by the issuer, or by somebody whom the issuer has signed for that. */
static bool is_signed(const struct staple *s, OCSP_BASICRESP *basic)
{
	X509_STORE *store = X509_STORE_new();
	bool ok = store && X509_STORE_add_cert(store, s->issuer) == 1 &&
	          X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
	          OCSP_basic_verify(basic, NULL, store, 0) == 1;
	X509_STORE_free(store);
	return ok;
}

static int64_t seconds_of(const ASN1_GENERALIZEDTIME *t)
{
	struct tm tm;
	return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

struct times {
	int64_t from_s, until_s;
};

static bool check_basic(const struct staple *s, OCSP_BASICRESP *basic, struct times *out, struct err *e)
{
	ASN1_GENERALIZEDTIME *this_update, *next_update;
	int status;

	if (!is_signed(s, basic))
		return refuse(e, "the answer is not signed as it must be");
	if (!OCSP_resp_find_status(basic, s->id, &status, NULL, NULL, &this_update, &next_update))
		return refuse(e, "the answer is not about this certificate");
	if (status != V_OCSP_CERTSTATUS_GOOD)
		return err_set(e, "the certificate is %s", OCSP_cert_status_str(status));
	if (!OCSP_check_validity(this_update, next_update, SKEW_S, -1))
		return refuse(e, "the answer is not of now");
	out->from_s = seconds_of(this_update);
	out->until_s = next_update ? seconds_of(next_update) : clock_wall_s() + LIFE_S;
	return true;
}

static bool check(const struct staple *s, struct slice answer, struct times *out, struct err *e)
{
	const unsigned char *at = (const unsigned char *)answer.ptr;
	OCSP_RESPONSE *r = answer.len ? d2i_OCSP_RESPONSE(NULL, &at, (long)answer.len) : NULL;
	OCSP_BASICRESP *basic = NULL;
	bool ok;

	if (!r)
		ok = refuse(e, "no answer of OCSP");
	else if (OCSP_response_status(r) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		ok = err_set(e, "the responder says %s", OCSP_response_status_str(OCSP_response_status(r)));
	else if (!(basic = OCSP_response_get1_basic(r)))
		ok = refuse(e, "the answer has no content");
	else
		ok = check_basic(s, basic, out, e);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(r);
	ERR_clear_error();
	return ok;
}

/* Under the lock. Renewed in the middle of its life, and never more than a day apart. */
static void keep(struct staple *s, struct slice answer, const struct times *t)
{
	int64_t half_s = (t->until_s - clock_wall_s()) / 2;

	free(s->answer);
	s->answer = (unsigned char *)slice_strdup(answer);
	s->answer_len = (int)answer.len;
	s->until_s = t->until_s;
	s->renew_ms = clock_mono_ms() + (half_s <= 0 ? 0 : (uint64_t)(half_s < DAY_S ? half_s : DAY_S) * 1000);
	s->retry_ms = 0;
	s->pause_s = PAUSE_FIRST_S;
}

bool staple_fetched(struct staple *s, struct slice answer, struct err *e)
{
	struct times times = {0};
	bool ok = check(s, answer, &times, e);

	pthread_mutex_lock(&lock);
	s->fetching = false;
	if (ok) {
		keep(s, answer, &times);
	} else {
		s->retry_ms = clock_mono_ms() + (uint64_t)s->pause_s * 1000;
		s->pause_s = s->pause_s * 2 < PAUSE_LAST_S ? s->pause_s * 2 : PAUSE_LAST_S;
	}
	pthread_mutex_unlock(&lock);
	unref(s);
	return ok;
}
