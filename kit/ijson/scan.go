package ijson

// scanner walks one JSON text from pos on and checks the grammar.
type scanner struct {
	data  []byte
	pos   int
	depth int // how many more objects and arrays may open here
}

// at reports whether the next byte is c.
func (s *scanner) at(c byte) bool { return s.pos < len(s.data) && s.data[s.pos] == c }

// take consumes the next byte if it is c.
func (s *scanner) take(c byte) bool {
	if s.at(c) {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.at(' ') || s.at('\n') || s.at('\r') || s.at('\t') {
		s.pos++
	}
}

// value consumes any JSON value and returns it. The capacity ends with the value, so
// that appending to it cannot write over the rest of data. The members of objects in
// the value use what is unused of room.
func (s *scanner) value(room []member) ([]byte, error) {
	start := s.pos
	var err error
	switch {
	case s.at('{'):
		_, err = s.object(room)
	case s.at('['):
		err = s.list(']', func() error {
			_, err := s.value(room)
			return err
		})
	case s.at('"'):
		_, err = s.text()
	case s.at('t'):
		err = s.literal("true")
	case s.at('f'):
		err = s.literal("false")
	case s.at('n'):
		err = s.literal("null")
	default:
		err = s.number()
	}
	return s.data[start:s.pos:s.pos], err
}

// object consumes an object; the next byte is its brace. It appends the members to
// room, which is a parameter and not a field because its array then stays on the
// stack of Object.
func (s *scanner) object(room []member) ([]member, error) {
	members := room[len(room):]
	err := s.list('}', func() error {
		if !s.at('"') {
			return ErrSyntax
		}
		name, err := s.text()
		if err != nil {
			return err
		}
		s.space()
		if !s.take(':') {
			return ErrSyntax
		}
		s.space()
		value, err := s.value(members)
		members = append(members, member{name, value})
		return err
	})
	if err == nil && duplicate(members) {
		err = ErrDuplicate
	}
	return members, err
}

// list consumes an object or an array, whose items item consumes one by one; the next
// byte opens it.
func (s *scanner) list(closing byte, item func() error) error {
	if s.depth <= 0 {
		return ErrDepth
	}
	s.depth--
	s.pos++
	s.space()
	for more := !s.at(closing); more; more = s.take(',') {
		s.space()
		if err := item(); err != nil {
			return err
		}
		s.space()
	}
	if !s.take(closing) {
		return ErrSyntax
	}
	s.depth++
	return nil
}

func (s *scanner) literal(word string) error {
	for i := range len(word) {
		if !s.take(word[i]) {
			return ErrSyntax
		}
	}
	return nil
}

// number consumes a number: RFC 8259, section 6, of any size.
func (s *scanner) number() error {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return ErrSyntax
	}
	if s.take('.') && !s.digits() {
		return ErrSyntax
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return ErrSyntax
		}
	}
	return nil
}

// digits consumes digits and reports whether there was one.
func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && isDigit(s.data[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
