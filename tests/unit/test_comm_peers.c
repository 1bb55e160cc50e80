/* test_comm_peers.c - who shares a GPU with whom, and how peers are named. */
#include "../../cuda/comm_peers.c"
#include "support.h"

static void make_peers(int n, pleat_peer *peers) { /* two hosts, a GPU each */
    for (int r = 0; r < n; r++) {
        memset(&peers[r], 0, sizeof peers[r]);
        (void)snprintf(peers[r].machine, sizeof peers[r].machine, "n%d", r % 2);
        (void)snprintf(peers[r].who, sizeof peers[r].who, "rank %d (host n%d)", r, r % 2);
        (void)snprintf(peers[r].device, sizeof peers[r].device, "GPU");
        (void)snprintf(peers[r].bus, sizeof peers[r].bus, "0000:%02X:00.0", r / 2);
    }
}

static void a_gpu_each_is_accepted(void **state) {
    (void)state;
    pleat_peer peers[8];
    make_peers(8, peers);
    OK(pleat_peers_check_devices(peers, 8));
}

static void the_same_bus_on_two_hosts_is_two_gpus(void **state) {
    (void)state;
    pleat_peer peers[2];
    make_peers(2, peers);
    assert_string_equal(peers[0].bus, peers[1].bus);
    OK(pleat_peers_check_devices(peers, 2));
}

static void ranks_on_one_gpu_are_named(void **state) {
    (void)state;
    pleat_peer peers[6];
    make_peers(6, peers);
    memcpy(peers[5].bus, peers[1].bus, sizeof peers[5].bus);
    REFUSED(pleat_peers_check_devices(peers, 6), PLEAT_ERR_UNSUPPORTED,
            "rank 1 (host n1) and rank 5 (host n1)");
    TOLD("0000:00:00.0");
}

static void exchange_in_a_group_of_one_brings_oneself(void **state) {
    (void)state;
    pleat_peer mine, all[1];
    pleat_comm *self = NULL;
    make_peers(1, &mine);
    memset(all, 0, sizeof all);
    OK(pleat_comm_self(&self));
    OK(pleat_peers_exchange(self, &mine, all));
    assert_memory_equal(&mine, all, sizeof mine);
    pleat_comm_destroy(self);
}

static void others_are_all_but_oneself(void **state) {
    (void)state;
    pleat_peer peers[3];
    char text[256];
    make_peers(3, peers);
    assert_string_equal(pleat_peers_others(peers, 3, 1, text, sizeof text),
                        "rank 0 (host n0), rank 2 (host n0)");
    assert_string_equal(pleat_peers_others(peers, 1, 0, text, sizeof text), "");
    assert_string_equal(pleat_peer_text(&peers[2], text, sizeof text),
                        "rank 2 (host n0), GPU at 0000:01:00.0");
}

static void others_that_do_not_fit_are_counted(void **state) {
    (void)state;
    pleat_peer peers[40];
    char text[64];
    make_peers(40, peers);
    assert_string_equal(pleat_peers_others(peers, 40, 0, text, sizeof text),
                        "rank 1 (host n1), rank 2 (host n0), and 37 more");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gpu_each_is_accepted),
        cmocka_unit_test(the_same_bus_on_two_hosts_is_two_gpus),
        cmocka_unit_test(ranks_on_one_gpu_are_named),
        cmocka_unit_test(exchange_in_a_group_of_one_brings_oneself),
        cmocka_unit_test(others_are_all_but_oneself),
        cmocka_unit_test(others_that_do_not_fit_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
