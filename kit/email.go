package kit

// EmailKey returns the form of an address under which it is unique: ASCII
// letters in lower case and everything else as it is. Stores index this and never
// a form of their own, because the case folding of package strings and of most
// databases also maps U+212A KELVIN SIGN to k and U+017F to s, and so lets one
// address pass for another.
func EmailKey(email string) string {
	for i := range len(email) {
		if c := email[i]; 'A' <= c && c <= 'Z' {
			b := []byte(email)
			for ; i < len(b); i++ {
				if c := b[i]; 'A' <= c && c <= 'Z' {
					b[i] = c + ('a' - 'A')
				}
			}
			return string(b)
		}
	}
	return email
}
