/* Outgoing HTTP over libcurl; libcurl's header stays in this folder. No redirects, no proxies, no other protocols:
 * the caller names exactly where it wants to go. Blocking: only for the command line. */
#include "fetch.h"

#include <curl/curl.h>
#include <stdio.h>

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    /* fewer than given makes libcurl stop with an error: the answer is over the caller's bound */
    return buf_add(arg, bytes, size * count) ? size * count : 0;
}

bool fetch(const char *method, const char *url, const void *body, size_t body_len, struct buf *out, long *ret_status,
           char *error, size_t error_cap)
{
    bool ok = false;
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        snprintf(error, error_cap, "out of memory");
        return false;
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)FETCH_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        snprintf(error, error_cap, "%s: %s", url, curl_easy_strerror(code));
    else
        ok = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status) == CURLE_OK;
    curl_easy_cleanup(curl);
    return ok;
}
