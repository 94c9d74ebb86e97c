// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0
//
// libevent and libcurl for Swift. Each inline function exists because the thing it wraps cannot be reached from
// Swift: a variadic function, a function-like macro, or a field of a union.

#include <curl/curl.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>

// curl_easy_setopt is variadic: one function by kind of value.
static inline CURLcode sluice_setopt_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode sluice_setopt_size(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode sluice_setopt_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode sluice_setopt_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode sluice_setopt_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}
typedef size_t (*sluice_data_callback)(char *, size_t, size_t, void *);
static inline CURLcode sluice_setopt_data_callback(CURL *handle, CURLoption option, sluice_data_callback value) {
    return curl_easy_setopt(handle, option, value);
}
typedef int (*sluice_prereq_callback)(void *, char *, char *, int, int);
static inline CURLcode sluice_setopt_prereq_callback(CURL *handle, sluice_prereq_callback value) {
    return curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, value);
}
typedef int (*sluice_close_callback)(void *, curl_socket_t);
static inline CURLcode sluice_setopt_close_callback(CURL *handle, sluice_close_callback value) {
    return curl_easy_setopt(handle, CURLOPT_CLOSESOCKETFUNCTION, value);
}

// curl_multi_setopt likewise.
static inline CURLMcode sluice_multi_setopt_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}
static inline CURLMcode sluice_multi_setopt_pointer(CURLM *multi, CURLMoption option, void *value) {
    return curl_multi_setopt(multi, option, value);
}
typedef int (*sluice_socket_callback)(CURL *, curl_socket_t, int, void *, void *);
static inline CURLMcode sluice_multi_setopt_socket_callback(CURLM *multi, sluice_socket_callback value) {
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, value);
}
typedef int (*sluice_timer_callback)(CURLM *, long, void *);
static inline CURLMcode sluice_multi_setopt_timer_callback(CURLM *multi, sluice_timer_callback value) {
    return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, value);
}

// curl_easy_getinfo is variadic; CURLMsg keeps its result in a union.
static inline void *sluice_getinfo_private(CURL *handle) {
    char *value = NULL;
    curl_easy_getinfo(handle, CURLINFO_PRIVATE, &value);
    return value;
}
static inline long sluice_getinfo_long(CURL *handle, CURLINFO info) {
    long value = 0;
    curl_easy_getinfo(handle, info, &value);
    return value;
}
static inline curl_off_t sluice_getinfo_size(CURL *handle, CURLINFO info) {
    curl_off_t value = 0;
    curl_easy_getinfo(handle, info, &value);
    return value;
}
static inline CURLcode sluice_message_result(const CURLMsg *message) { return message->data.result; }

// struct evbuffer_iovec is a macro for struct iovec where the system has it.
typedef struct evbuffer_iovec sluice_iovec;

// setsockopt wants the address of its value.
static inline int sluice_set_tcp(int fd, int option, int value) {
    return setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value);
}
