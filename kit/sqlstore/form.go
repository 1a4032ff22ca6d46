package sqlstore

import (
	"database/sql"
	"fmt"

	"myauth.internal/kit"
)

// form is the form of the rows that this version writes, and the newest that it reads and
// changes. A version that adds to a row what an Update of this one would drop, or that gives a
// column another meaning, writes a greater one. If no row may be left to older versions, its
// migration sets the form of all.
const form = 1

// known is the condition under which this version may change a row.
var known = fmt.Sprintf(`form <= %d`, form)

// checkForm refuses a row that a newer version wrote. It goes before an error of the scan: such a
// row may have columns that this version cannot read.
func checkForm(stored int64, scan error) error {
	if stored > form {
		return kit.ErrNewerRecord
	}
	return scan
}

// scanVersion reads what look selects.
func scanVersion(rows *sql.Rows, version *int64) error {
	var form int64
	err := rows.Scan(&form, version)
	return checkForm(form, err)
}
