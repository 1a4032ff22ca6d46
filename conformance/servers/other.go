//go:build !unix

package servers

import "errors"

var errSystem = errors.New("servers are started on Unix only: name one that runs in the variable that the package's documentation lists")

func startPostgres(string) (string, error)          { return "", errSystem }
func startPgBouncer(string, string) (string, error) { return "", errSystem }
func startRedis() (string, error)                   { return "", errSystem }
func startRedisCluster() (string, error)            { return "", errSystem }
func startMongo() (string, error)                   { return "", errSystem }
