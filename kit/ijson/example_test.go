package ijson_test

import (
	"errors"
	"fmt"

	"myauth.internal/kit/ijson"
)

func ExampleObject() {
	body := []byte(`{"email": "ada@example.org", "Email": "eve@example.org", "roles": ["admin"]}`)
	var email string
	err := ijson.Object(body, 16, func(key, value []byte) (err error) {
		switch string(key) {
		case "email":
			email, err = ijson.String(value)
		}
		return err // other members are ignored
	})
	fmt.Println(email, err)

	// encoding/json would make this an admin.
	err = ijson.Object([]byte(`{"role": "user", "role": "admin"}`), 16, nil)
	fmt.Println(errors.Is(err, ijson.ErrDuplicate), err)

	// Output:
	// ada@example.org <nil>
	// true ijson: two members of one name in an object, at byte 33
}
