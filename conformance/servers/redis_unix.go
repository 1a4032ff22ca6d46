//go:build unix

package servers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

const redisAdvice = "install Redis 7 or later (apt-get install redis-server), or name a server in"

func startRedis() (string, error) {
	start, err := redisStarter()
	if err != nil {
		return "", err
	}
	return onFreePort(start)
}

func redisStarter() (starter, error) {
	server, err := find("redis-server")
	if err != nil {
		return nil, fmt.Errorf("%w: %s MYAUTH_TEST_REDIS_URL", err, redisAdvice)
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
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return address, node, nil
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

// slots is how many hash slots a cluster has
// (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/).
const slots = 16384

func startRedisCluster() ([]string, error) {
	server, err := find("redis-server")
	if err != nil {
		return nil, fmt.Errorf("%w: %s MYAUTH_TEST_REDIS_CLUSTER", err, redisAdvice)
	}
	return retry(func() ([]string, error) { return startRedisClusterOnce(server, 3) })
}

func startRedisClusterOnce(server string, masters int) (nodes []string, err error) {
	ports, err := freePorts(2 * masters)
	if err != nil {
		return nil, err
	}
	var started []*running
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
			return nil, err
		}
		started = append(started, r)
		first, last := i*slots/masters, (i+1)*slots/masters-1
		for _, command := range []string{fmt.Sprint("CLUSTER SET-CONFIG-EPOCH ", i+1), fmt.Sprint("CLUSTER ADDSLOTSRANGE ", first, " ", last)} {
			if answer, err := redisCommand(node, command); err != nil || answer != "+OK" {
				return nil, fmt.Errorf("%s: %q, %w", command, answer, err)
			}
		}
		if i > 0 {
			command := fmt.Sprintf("CLUSTER MEET %s %s %s", loopback, ports[0], ports[1])
			if answer, err := redisCommand(node, command); err != nil || answer != "+OK" {
				return nil, fmt.Errorf("%s: %q, %w", command, answer, err)
			}
		}
		nodes = append(nodes, node)
	}
	return nodes, clusterReady(nodes)
}

// clusterReady waits until every node knows that the others serve all slots.
func clusterReady(nodes []string) error {
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		ok := 0
		var seen []string
		for _, node := range nodes {
			info, err := redisCommand(node, "CLUSTER INFO")
			if err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(len(nodes))+"\r\n") {
				ok++
			}
			seen = append(seen, fmt.Sprintf("%s: %v %s", node, err, info))
		}
		if ok == len(nodes) {
			return nil
		}
		select {
		case <-again.C:
		case <-timeout.C:
			return fmt.Errorf("the Redis Cluster does not come up: %s", strings.Join(seen, "; "))
		}
	}
}

// redisCommand sends a command of words without spaces and returns the answer.
func redisCommand(address, command string) (string, error) {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, command+"\r\n"); err != nil {
		return "", err
	}
	return redisAnswer(bufio.NewReader(conn))
}

// redisAnswer reads a simple string, a bulk string, or an array of them, which then
// are lines (https://redis.io/docs/latest/develop/reference/protocol-spec/).
func redisAnswer(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" || line[0] != '$' && line[0] != '*' {
		return line, nil
	}
	size, err := strconv.Atoi(line[1:])
	if err != nil || size < 0 || size > 1<<20 {
		return "", fmt.Errorf("an answer of length %s", line)
	}
	if line[0] == '$' {
		body := make([]byte, size+len("\r\n"))
		_, err = io.ReadFull(r, body)
		return string(body[:size]), err
	}
	elements := make([]string, size)
	for i := range elements {
		if elements[i], err = redisAnswer(r); err != nil {
			return "", err
		}
	}
	return strings.Join(elements, "\n"), nil
}
