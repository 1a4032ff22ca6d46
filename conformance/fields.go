package conformance

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// fieldsOf calls f with the name of each field of r and a pointer to it.
func fieldsOf(r record, f func(name string, field any)) {
	v := reflect.ValueOf(r.all()).Elem()
	for i := range v.NumField() {
		f(v.Type().Field(i).Name, v.Field(i).Addr().Interface())
	}
}

// timeFields returns the times of r, in the order of its fields.
func timeFields(r record) (names []string, times []*time.Time) {
	fieldsOf(r, func(name string, field any) {
		if t, ok := field.(*time.Time); ok {
			names, times = append(names, name), append(times, t)
		}
	})
	return names, times
}

// timePrecision is the step of a time that the contract asks for.
const timePrecision = time.Microsecond

// diff lists the fields of got that differ from want. An empty and a nil slice are the
// same, and so are two times that are one instant at the store's precision; the zone is
// a rule of its own.
func diff(got, want record, precision time.Duration) []string {
	var differences []string
	wanted := reflect.ValueOf(want.all()).Elem()
	fieldsOf(got, func(name string, field any) {
		g, w := reflect.ValueOf(field).Elem(), wanted.FieldByName(name)
		same := g.Equal
		switch g.Kind() {
		case reflect.Slice:
			same = func(w reflect.Value) bool {
				return g.Len() == 0 && w.Len() == 0 || reflect.DeepEqual(g.Interface(), w.Interface())
			}
		case reflect.Struct:
			same = func(w reflect.Value) bool {
				return sameInstant(g.Interface().(time.Time), w.Interface().(time.Time), precision)
			}
		}
		if !same(w) {
			differences = append(differences, fmt.Sprintf("%s: got %s, want %s", name, shown(g), shown(w)))
		}
	})
	return differences
}

// shown shows a field. It spells out a password hash, which would not print itself.
func shown(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return brief(v.String())
	case reflect.Struct:
		return v.Interface().(time.Time).Format(time.RFC3339Nano)
	case reflect.Slice:
		return brief(v.Interface())
	}
	return fmt.Sprint(v.Interface())
}

// sameInstant reports whether got may stand for want. What lies on the grid of
// the store's precision comes back exactly, and so does the zero Time; what lies
// between two points of it comes back as one of them.
func sameInstant(got, want time.Time, precision time.Duration) bool {
	if want.Equal(want.Truncate(precision)) {
		return got.Equal(want)
	}
	return got.Sub(want).Abs() < precision
}

// slicesOf returns the slices of r, which can be set.
func slicesOf(r record) (names []string, slices []reflect.Value) {
	fieldsOf(r, func(name string, field any) {
		if v := reflect.ValueOf(field).Elem(); v.Kind() == reflect.Slice {
			names, slices = append(names, name), append(slices, v)
		}
	})
	return names, slices
}

// scribble overwrites what the slices of r hold.
func scribble(r record) {
	_, slices := slicesOf(r)
	for _, s := range slices {
		for i := range s.Len() {
			if element := s.Index(i); element.Kind() == reflect.String {
				element.SetString("scribbled")
			} else {
				element.SetUint('#')
			}
		}
	}
}

// makeRoom gives the slices of r room to grow in place, as a caller's often have.
func makeRoom(r record) {
	_, slices := slicesOf(r)
	for _, s := range slices {
		s.Set(reflect.AppendSlice(reflect.MakeSlice(s.Type(), 0, s.Len()+512), s))
	}
}

// outgrown names the slices of r behind whose end something was written: an append to a
// slice with room writes there.
func outgrown(r record) []string {
	var grown []string
	names, slices := slicesOf(r)
	for i, s := range slices {
		for at := s.Len(); at < s.Cap(); at++ {
			if !s.Slice(0, s.Cap()).Index(at).IsZero() {
				grown = append(grown, names[i])
				break
			}
		}
	}
	return grown
}

// describe lists the fields of r that are not empty.
func describe(r record) string {
	var fields []string
	fieldsOf(r, func(name string, field any) {
		if v := reflect.ValueOf(field).Elem(); !v.IsZero() {
			fields = append(fields, name+" "+shown(v))
		}
	})
	return strings.Join(fields, ", ")
}
