/* What arrives at net/'s connections, what goes out, and what a leaving or silent peer causes. */
#include "test_net_fixture.h"

#include <netinet/tcp.h>
#include <openssl/err.h>

START_TEST(echoes_plain_bytes)
{
    open_server(false, &ordinary);
    t.template.echo = true;
    int fd = dial();
    ck_assert_int_eq(send(fd, "halo", 4, 0), 4);
    char got[8] = "";
    UNTIL(recv(fd, got, sizeof got, MSG_DONTWAIT) == 4);
    ck_assert_str_eq(got, "halo");
    UNTIL(t.peers[0]->drained > 0);
    ck_assert_uint_eq(listener_open(t.listener), 1);
    close(fd);
    UNTIL(t.peers[0]->closed == 1);
    ck_assert_str_eq(t.peers[0]->why, "eof");
    close_server();
}
END_TEST

static bool echo_step(struct tls_client *k, const uint8_t *out, size_t size, size_t *sent, uint8_t *in, size_t *got)
{
    if (*sent < size) {
        int n = SSL_write(k->ssl, out + *sent, (int)(size - *sent > 7777 ? 7777 : size - *sent));
        if (n > 0)
            *sent += (size_t)n;
    }
    int n = SSL_read(k->ssl, in + *got, (int)(size - *got));
    if (n > 0)
        *got += (size_t)n;
    return *got == size;
}

START_TEST(echoes_over_tls)
{
    open_server(true, &ordinary);
    t.template.echo = true;
    struct tls_client k;
    tls_dial(&k);
    ck_assert_int_ge(SSL_version(k.ssl), TLS1_2_VERSION);
    static uint8_t out[300000];
    static uint8_t in[300000];
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)(i * 31 + i / 251);
    size_t sent = 0;
    size_t got = 0;
    UNTIL(echo_step(&k, out, sizeof out, &sent, in, &got));
    ck_assert_mem_eq(in, out, sizeof out);
    ck_assert_int_eq(SSL_shutdown(k.ssl), 0);
    UNTIL(t.peers[0]->closed == 1);
    tls_hang_up(&k);
    close_server();
}
END_TEST

START_TEST(offers_bytes_before_the_end_that_came_with_them)
{
    for (int tls = 0; tls < 2; tls++) {
        open_server(tls == 1, &ordinary);
        if (tls == 1) {
            struct tls_client k;
            tls_dial(&k);
            ck_assert_int_eq(SSL_write(k.ssl, "satu dua", 8), 8);
            SSL_shutdown(k.ssl);
            tls_hang_up(&k);
        } else {
            int fd = dial();
            UNTIL(t.conns == 1);
            ck_assert_int_eq(send(fd, "satu dua", 8, 0), 8);
            close(fd);
        }
        UNTIL(t.peers[0]->closed == 1);
        ck_assert_uint_eq(t.peers[0]->got_len, 8);
        ck_assert_mem_eq(t.peers[0]->got, "satu dua", 8);
        close_server();
    }
}
END_TEST

/* Many small requests and the end at once: more offers than one turn makes. */
START_TEST(offers_everything_before_the_end)
{
    open_server(false, &ordinary);
    t.template.sip = true;
    int fd = dial();
    UNTIL(t.conns == 1);
    char many[4000];
    memset(many, 'm', sizeof many);
    ck_assert_int_eq(send(fd, many, sizeof many, 0), sizeof many);
    close(fd);
    UNTIL(t.peers[0]->closed == 1);
    ck_assert_uint_eq(t.peers[0]->got_len, sizeof many);
    ck_assert_uint_eq(t.peers[0]->offers, sizeof many);
    close_server();
}
END_TEST

START_TEST(tolerates_an_end_without_close_notify)
{
    open_server(true, &ordinary);
    struct tls_client k;
    tls_dial(&k);
    ck_assert_int_eq(SSL_write(k.ssl, "a", 1), 1);
    UNTIL(t.peers[0]->got_len == 1);
    shutdown(k.fd, SHUT_WR);
    UNTIL(t.peers[0]->closed == 1);
    ck_assert_str_eq(t.peers[0]->why, "eof");
    tls_hang_up(&k);
    close_server();
}
END_TEST

START_TEST(notices_a_peer_that_leaves_while_paused)
{
    for (int tls = 0; tls < 2; tls++) {
        open_server(tls == 1, &ordinary);
        t.template.pause_at_once = true;
        struct tls_client k = {0};
        if (tls == 1) {
            tls_dial(&k);
            ck_assert_int_eq(SSL_write(k.ssl, "tanya", 5), 5);
        } else {
            k.fd = dial();
            ck_assert_int_eq(send(k.fd, "tanya", 5, 0), 5);
        }
        UNTIL(t.conns == 1 && t.peers[0]->got_len == 5);
        ck_assert_uint_eq(t.peers[0]->closed, 0);
        if (tls == 1) {
            ck_assert_int_eq(SSL_write(k.ssl, "lagi", 4), 4);
            tls_hang_up(&k);
        } else {
            ck_assert_int_eq(send(k.fd, "lagi", 4, 0), 4);
            close(k.fd);
        }
        UNTIL(t.peers[0]->closed == 1);
        ck_assert_uint_eq(t.peers[0]->got_len, 5);
        close_server();
    }
}
END_TEST

static size_t fill(int fd)
{
    static const char junk[16384];
    size_t total = 0;
    ssize_t n;
    while ((n = send(fd, junk, sizeof junk, MSG_DONTWAIT)) > 0)
        total += (size_t)n;
    return total;
}

static size_t filled;
static int quiet_turns;
/* true once nothing more fits: our input bound and the kernel's buffers are full */
static bool fill_step(int fd)
{
    size_t n = fill(fd);
    filled += n;
    quiet_turns = n == 0 ? quiet_turns + 1 : 0;
    return quiet_turns > 50;
}

START_TEST(notices_a_leaving_peer_behind_a_full_input)
{
    for (int resumed = 0; resumed < 2; resumed++) {
        open_server(false, &ordinary);
        t.template.pause_at_once = true;
        int fd = dial();
        ck_assert_int_eq(send(fd, "x", 1, 0), 1);
        UNTIL(t.conns == 1 && t.peers[0]->got_len == 1);
        filled = 0;
        quiet_turns = 0;
        UNTIL(fill_step(fd));
        ck_assert_uint_gt(filled, 64 << 10);
        ck_assert_uint_eq(t.peers[0]->got_len, 1);
        ck_assert_uint_eq(t.peers[0]->closed, 0);
        if (resumed == 1) {
            t.peers[0]->pause_at_once = false;
            t.peers[0]->discard = true;
            conn_resume(t.peers[0]->c);
            UNTIL(t.peers[0]->got_len == filled + 1);
        }
        /* A FIN would queue behind the bytes that found no room: a reset overtakes them. */
        struct linger hard = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
        UNTIL(t.peers[0]->closed == 1);
        close_server();
    }
}
END_TEST

static size_t said;
static const char much[512 << 10];
static bool say_all(struct tls_client *k)
{
    int n = said < sizeof much ? SSL_write(k->ssl, much + said, 16000) : 0;
    said += n > 0 ? (size_t)n : 0;
    quiet_turns = n > 0 ? 0 : quiet_turns + 1;
    return said + 16000 > sizeof much || quiet_turns > 50;
}

/* The bound is on what is read from the socket; the record that it ends in is longer. */
START_TEST(keeps_a_record_that_ends_behind_a_full_input)
{
    open_server(true, &ordinary);
    t.template.pause_at_once = t.template.discard = true;
    struct tls_client k;
    tls_dial(&k);
    said = 0;
    quiet_turns = 0;
    UNTIL(say_all(&k));
    ck_assert_uint_gt(said, 80 << 10);
    ck_assert_uint_eq(t.peers[0]->closed, 0);
    t.peers[0]->pause_at_once = false;
    conn_resume(t.peers[0]->c);
    UNTIL(t.peers[0]->got_len >= said);
    ck_assert_uint_eq(t.peers[0]->closed, 0);
    tls_hang_up(&k);
    close_server();
}
END_TEST

static bool has_bytes(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static void send_at_once(int fd)
{
    static const int on = 1;
    ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
}

/* One packet of the server's less: what a phone needs for its next visit comes with what it came for. */
START_TEST(sends_the_ticket_with_the_first_answer)
{
    open_server(true, &ordinary);
    struct tls_client k;
    char got[8] = "";
    tls_shake(&k);
    send_at_once(k.fd);
    ck_assert_int_eq(SSL_write(k.ssl, "tanya", 5), 5);
    UNTIL(t.conns == 1 && t.peers[0]->got_len == 5);
    for (int i = 0; i < 20; i++)
        loop_turn(t.loop, 1);
    ck_assert(!has_bytes(k.fd));
    ck_assert_uint_eq(conn_queued(t.peers[0]->c), 0);
    ck_assert(conn_write(t.peers[0]->c, "halo", 4));
    UNTIL(SSL_read(k.ssl, got, sizeof got) == 4);
    ck_assert_int_eq(SSL_SESSION_is_resumable(SSL_get_session(k.ssl)), 1);
    tls_hang_up(&k);
    close_server();
}
END_TEST

/* By its segment a phone that uses Nagle's algorithm learns that it may send the request. */
START_TEST(sends_the_ticket_at_once_when_no_request_is_there)
{
    for (int part = 0; part < 2; part++) {
        open_server(true, &ordinary);
        t.template.hold = true; /* part: of a request */
        struct tls_client k;
        tls_shake(&k);
        if (part == 1) {
            send_at_once(k.fd);
            ck_assert_int_eq(SSL_write(k.ssl, "tan", 3), 3);
        }
        UNTIL(has_bytes(k.fd));
        ck_assert_uint_eq(conn_queued(t.peers[0]->c), 0);
        tls_hang_up(&k);
        close_server();
    }
}
END_TEST

START_TEST(offers_again_after_resume)
{
    open_server(false, &ordinary);
    t.template.pause_at_once = true;
    int fd = dial();
    ck_assert_int_eq(send(fd, "abc", 3, 0), 3);
    UNTIL(t.conns == 1 && t.peers[0]->got_len == 3);
    ck_assert_int_eq(send(fd, "def", 3, 0), 3);
    for (int i = 0; i < 20; i++)
        loop_turn(t.loop, 1);
    ck_assert_uint_eq(t.peers[0]->got_len, 3);
    conn_resume(t.peers[0]->c);
    ck_assert_uint_eq(t.peers[0]->got_len, 3); /* never from inside resume */
    UNTIL(t.peers[0]->got_len == 6);
    ck_assert_mem_eq(t.peers[0]->got, "abcdef", 6);
    close(fd);
    close_server();
}
END_TEST

START_TEST(offers_unconsumed_bytes_with_the_next)
{
    open_server(false, &ordinary);
    t.template.hold = true;
    int fd = dial();
    ck_assert_int_eq(send(fd, "ab", 2, 0), 2);
    UNTIL(t.conns == 1 && t.peers[0]->offers == 1);
    t.peers[0]->hold = false;
    ck_assert_int_eq(send(fd, "cd", 2, 0), 2);
    UNTIL(t.peers[0]->got_len == 4);
    ck_assert_mem_eq(t.peers[0]->got, "abcd", 4);
    close(fd);
    close_server();
}
END_TEST

START_TEST(ends_a_connection_whose_owner_wants_too_much)
{
    open_server(false, &ordinary);
    t.template.hold = true;
    int fd = dial();
    filled = 0;
    UNTIL(fill(fd) == 0 || (t.conns == 1 && t.peers[0]->closed == 1));
    UNTIL(t.peers[0]->closed == 1);
    ck_assert_str_eq(t.peers[0]->why, "overflow");
    close(fd);
    close_server();
}
END_TEST

START_TEST(bounds_what_waits_to_be_written)
{
    open_server(false, &ordinary);
    int fd = dial();
    UNTIL(t.conns == 1);
    static const char block[65536];
    size_t taken = 0;
    while (taken < (64 << 20) && conn_write(t.peers[0]->c, block, sizeof block))
        taken += sizeof block;
    ck_assert_uint_eq(taken, 1 << 20);
    ck_assert_uint_eq(conn_queued(t.peers[0]->c), 1 << 20);
    UNTIL(is_over(fd) || t.peers[0]->drained > 0);
    ck_assert_uint_eq(t.peers[0]->closed, 0);
    ck_assert_uint_eq(conn_queued(t.peers[0]->c), 0);
    ck_assert(conn_write(t.peers[0]->c, block, sizeof block));
    close(fd);
    close_server();
}
END_TEST

/* What one does not read is not free for the others, until it has read (here over TLS) or is gone. */
START_TEST(bounds_what_waits_of_all_together)
{
    static const char block[65536];
    struct listener_limits small = ordinary;
    struct tls_client k;
    small.output_max = sizeof block;
    open_server(true, &small);
    tls_dial(&k);
    struct conn *c = t.peers[0]->c;
    for (int i = 0; i < 2; i++) {
        UNTIL(conn_has_room(c, sizeof block));
        ck_assert(!conn_has_room(c, sizeof block + 1) && conn_write(c, block, sizeof block) && !conn_has_room(c, 1));
    }
    tls_hang_up(&k);
    UNTIL(listener_open(t.listener) == 0);
    tls_dial(&k); /* a second time: what was left of the first is not counted any more */
    UNTIL(t.conns == 2);
    ck_assert(conn_has_room(t.peers[1]->c, sizeof block) && !conn_has_room(t.peers[1]->c, sizeof block + 1));
    tls_hang_up(&k);
    close_server();
}
END_TEST

static size_t drunk;
static bool drink(int fd)
{
    static char into[65536];
    ssize_t n;
    while ((n = recv(fd, into, sizeof into, 0)) > 0)
        drunk += (size_t)n;
    return n == 0;
}

/* SSL_get_error looks at a queue that all of OpenSSL's users share. */
START_TEST(reads_on_though_another_left_an_error)
{
    open_server(true, &ordinary);
    struct tls_client k;
    tls_dial(&k);
    ck_assert_int_eq(SSL_write(k.ssl, "halo", 4), 4);
    ERR_raise(ERR_LIB_USER, 1);
    UNTIL(t.peers[0]->got_len == 4);
    ck_assert_uint_eq(t.peers[0]->closed, 0);
    tls_hang_up(&k);
    close_server();
}
END_TEST

#define KEYS 4000u
static unsigned asked;
static bool ask_for_keys(struct tls_client *k)
{
    for (int i = 0; i < 200 && asked < KEYS; i++) {
        if (SSL_get_key_update_type(k->ssl) == SSL_KEY_UPDATE_NONE)
            ck_assert_int_eq(SSL_key_update(k->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        if (SSL_write(k->ssl, "x", 1) != 1)
            break;
        asked++;
    }
    return asked == KEYS;
}

/* Each asks for an answer of OpenSSL's own, of a few bytes: they do not gather until the owner has something to say. */
START_TEST(sends_what_tls_says_by_itself)
{
    open_server(true, &ordinary);
    t.template.discard = true;
    struct tls_client k;
    asked = 0;
    drunk = 0;
    tls_dial(&k);
    UNTIL(ask_for_keys(&k));
    UNTIL(t.peers[0]->got_len == KEYS);
    UNTIL(!drink(k.fd) && drunk + 2048 > KEYS * (size_t)27);
    ck_assert_uint_eq(conn_queued(t.peers[0]->c), 0);
    tls_hang_up(&k);
    close_server();
}
END_TEST

START_TEST(answers_fully_though_the_peer_is_still_sending)
{
    open_server(false, &ordinary);
    t.template.answer_and_close = true;
    int fd = dial();
    drunk = 0;
    ck_assert_int_eq(send(fd, "q", 1, 0), 1);
    UNTIL(t.conns == 1 && t.peers[0]->got_len == 1);
    for (int i = 0; i < 20; i++) {
        fill(fd);
        loop_turn(t.loop, 1);
    }
    UNTIL(drink(fd)); /* a clean end of stream, no reset that would eat the answer */
    ck_assert_uint_eq(drunk, 200000);
    ck_assert_uint_eq(t.peers[0]->closed, 0);
    close(fd);
    UNTIL(listener_open(t.listener) == 0);
    close_server();
}
END_TEST

START_TEST(gives_up_on_a_peer_that_does_not_read_its_answer)
{
    open_server(false, &ordinary);
    int fd = dial();
    UNTIL(t.conns == 1);
    static const char block[1 << 20];
    int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    while (conn_queued(t.peers[0]->c) < (256 << 10)) {
        ck_assert(conn_write(t.peers[0]->c, block, sizeof block - conn_queued(t.peers[0]->c)));
        loop_turn(t.loop, 1);
    }
    conn_close_after_write(t.peers[0]->c, 40);
    t.peers[0]->close_at_once = true; /* closed as far as close_server is concerned */
    UNTIL(listener_open(t.listener) == 0);
    close(fd);
    close_server();
}
END_TEST

START_TEST(survives_being_closed_from_its_own_callback)
{
    for (int tls = 0; tls < 2; tls++) {
        open_server(tls == 1, &ordinary);
        t.template.close_at_once = true;
        struct tls_client k = {0};
        if (tls == 1) {
            tls_dial(&k);
            ck_assert_int_eq(SSL_write(k.ssl, "bye", 3), 3);
        } else {
            k.fd = dial();
            ck_assert_int_eq(send(k.fd, "bye", 3, 0), 3);
        }
        UNTIL(is_over(k.fd));
        ck_assert_uint_eq(t.peers[0]->closed, 0);
        ck_assert_uint_eq(t.peers[0]->offers, 1);
        if (tls == 1)
            tls_hang_up(&k);
        else
            close(k.fd);
        close_server();
    }
}
END_TEST

UNIT_MAIN("net/conn", echoes_plain_bytes, echoes_over_tls, offers_bytes_before_the_end_that_came_with_them,
          offers_everything_before_the_end, tolerates_an_end_without_close_notify,
          notices_a_peer_that_leaves_while_paused, notices_a_leaving_peer_behind_a_full_input,
          keeps_a_record_that_ends_behind_a_full_input, sends_the_ticket_with_the_first_answer,
          sends_the_ticket_at_once_when_no_request_is_there,
          reads_on_though_another_left_an_error, sends_what_tls_says_by_itself, offers_again_after_resume, offers_unconsumed_bytes_with_the_next,
          ends_a_connection_whose_owner_wants_too_much, bounds_what_waits_to_be_written,
          bounds_what_waits_of_all_together, answers_fully_though_the_peer_is_still_sending,
          gives_up_on_a_peer_that_does_not_read_its_answer, survives_being_closed_from_its_own_callback)
