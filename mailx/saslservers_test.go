package mailx

import (
	"errors"
	"strings"

	"github.com/emersion/go-smtp"
)

var saslUnescape = strings.NewReplacer("=2C", ",", "=3D", "=")

// loginServer is the LOGIN mechanism, which go-sasl has no server for.
type loginServer struct {
	check func(user, password string) error
	user  string
	step  int
}

func (s *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if s.step == 0 && response == nil {
		return []byte("Username:"), false, nil
	}
	s.step++
	if s.step == 1 {
		s.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, s.check(s.user, string(response))
}

// xoauth2Server tells a refusal as Google does: a challenge of JSON, and the code
// after the client's empty answer.
type xoauth2Server struct {
	check   func(user, token string) error
	refused bool
}

func (s *xoauth2Server) Next(response []byte) (challenge []byte, done bool, err error) {
	if s.refused {
		if len(response) > 0 {
			return nil, true, errors.New("the answer to a refusal must be empty")
		}
		return nil, true, &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "refused"}
	}
	fields := strings.Split(string(response), "\x01")
	if len(fields) != 4 || fields[2] != "" || fields[3] != "" {
		return nil, true, errors.New("malformed")
	}
	user, ok1 := strings.CutPrefix(fields[0], "user=")
	token, ok2 := strings.CutPrefix(fields[1], "auth=Bearer ")
	if !ok1 || !ok2 {
		return nil, true, errors.New("malformed")
	}
	if s.check(user, token) != nil {
		s.refused = true
		return []byte(`{"status":"401","schemes":"bearer"}`), false, nil
	}
	return nil, true, nil
}
