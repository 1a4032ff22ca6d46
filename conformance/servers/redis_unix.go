//go:build unix

package servers

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
)

const redisAdvice = "install Redis 7 or later (apt-get install redis-server), or name a server in MYAUTH_TEST_REDIS_URL and a cluster in MYAUTH_TEST_REDIS_CLUSTER"

// findRedis returns the path of the server, which redis-cli has to come with.
func findRedis() (string, error) {
	_, err := exec.LookPath("redis-cli")
	server, serverErr := find("redis-server")
	if err = errors.Join(err, serverErr); err != nil {
		return "", fmt.Errorf("%w: %s", err, redisAdvice)
	}
	return server, nil
}

func startRedis() (string, error) { return started(redisStarter) }

func redisStarter() (starter, error) {
	server, err := findRedis()
	if err != nil {
		return nil, err
	}
	return func(port string) (string, error) {
		address, _, err := startRedisNode(server, port)
		return "redis://" + address, err
	}, nil
}

// startRedisNode starts one server that keeps nothing on disk.
func startRedisNode(server, port string, args ...string) (address string, node *running, err error) {
	dir, err := tempDir("redis", nil)
	if err != nil {
		return "", nil, err
	}
	address = net.JoinHostPort(loopback, port)
	node, err = program{
		dir:    dir,
		signal: "KILL",
		command: append([]string{
			server, "--port", port, "--bind", loopback, "--dir", dir, "--save", "", "--appendonly", "no",
		}, args...),
		ready: func() error { return redisReady(address, dir) },
	}.start()
	return address, node, err
}

// redisReady asks for the directory that the server works in, which no other one has.
func redisReady(address, dir string) error {
	answer, err := redisCommand(address, "CONFIG GET dir")
	if err != nil {
		return err
	}
	own, err := os.Stat(dir)
	if err != nil {
		return err
	}
	// It may name the same one without the links in its path.
	its, err := os.Stat(strings.TrimPrefix(answer, "dir\n"))
	if err != nil || !os.SameFile(own, its) {
		return fmt.Errorf("the server at %s is another one: %q", address, answer)
	}
	return nil
}

func startRedisCluster() (string, error) {
	server, err := findRedis()
	if err != nil {
		return "", err
	}
	return retry(func() (string, error) { return startRedisClusterOnce(server, 3) })
}

// slots is how many hash slots a cluster has
// (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/).
const slots = 16384

func startRedisClusterOnce(server string, masters int) (nodes string, err error) {
	ports, err := freePorts(2 * masters)
	if err != nil {
		return "", err
	}
	var started []*running
	var addresses []string
	defer func() {
		if err == nil {
			return
		}
		for _, r := range started {
			err = errors.Join(err, r.stop())
		}
	}()
	for i := range masters {
		node, r, err := startRedisNode(server, ports[2*i], "--cluster-enabled", "yes", "--cluster-port", ports[2*i+1], "--cluster-node-timeout", "3000")
		if err != nil {
			return "", err
		}
		started, addresses = append(started, r), append(addresses, node)
		first, last := i*slots/masters, (i+1)*slots/masters-1
		for _, command := range []string{
			fmt.Sprint("CLUSTER SET-CONFIG-EPOCH ", i+1),
			fmt.Sprint("CLUSTER ADDSLOTSRANGE ", first, " ", last),
			fmt.Sprint("CLUSTER MEET ", loopback, " ", ports[0], " ", ports[1]), // the first one meets itself
		} {
			if answer, err := redisCommand(node, command); err != nil || answer != "OK" {
				return "", fmt.Errorf("%s: got %q, error %v, want OK", command, answer, err)
			}
		}
	}
	// Each must know that the others serve all slots.
	err = poll(nil, func() error {
		for _, node := range addresses {
			info, err := redisCommand(node, "CLUSTER INFO")
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r\n", masters)) {
				return fmt.Errorf("%s: got %q, error %v", node, info, err)
			}
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("the Redis Cluster %w", err)
	}
	return strings.Join(addresses, ","), nil
}

// redisCommand sends a command of words without spaces and returns the answer.
func redisCommand(address, command string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	answer, err := exec.Command("redis-cli", append([]string{"-h", host, "-p", port}, strings.Fields(command)...)...).Output()
	return strings.TrimSuffix(string(answer), "\n"), err
}
