//go:build unix

package servers

import "errors"

func startMongo() (string, error) { return "", errors.New("not there") }
