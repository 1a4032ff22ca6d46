package acceptance

import (
	"bytes"
	"encoding/base64"
	"image"
	_ "image/png" // the form of the code
	"strings"

	"rsc.io/qr/coding"
)

// qrCode reads the QR code of the page, square by square from its image.
func (b *tab) qrCode() string {
	b.t.Helper()
	source := eval[string](b, `document.querySelector(".qr img").src`)
	_, text, _ := strings.Cut(source, ";base64,")
	file, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		b.t.Fatal(err)
	}
	picture, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		b.t.Fatal(err)
	}
	black := squares(picture)
	for mask := range coding.Mask(8) {
		for level := coding.L; level <= coding.H; level++ {
			plan, err := coding.NewPlan(coding.Version((len(black)-17)/4), level, mask)
			if err != nil {
				b.t.Fatal(err)
			}
			if data, ok := read(plan, black); ok {
				return text8(data)
			}
		}
	}
	b.t.Fatal("the image is no QR code")
	return ""
}

// squares are those of the code, without the margin of four around it.
func squares(picture image.Image) [][]bool {
	dark := func(x, y int) bool { r, _, _, _ := picture.At(x, y).RGBA(); return r < 0x8000 }
	width, margin := picture.Bounds().Dx(), 0
	for !dark(margin, margin) {
		margin++
	}
	scale := margin / 4
	rows := make([][]bool, width/scale-8)
	for y := range rows {
		for x := range rows {
			rows[y] = append(rows[y], dark(margin+x*scale+scale/2, margin+y*scale+scale/2))
		}
	}
	return rows
}

// read returns the data of a code, if what is not data is as in the plan.
func read(plan *coding.Plan, black [][]bool) ([]byte, bool) {
	data := make([]byte, plan.DataBytes+plan.CheckBytes)
	for y, row := range plan.Pixel {
		for x, p := range row {
			switch flipped := black[y][x] != (p&coding.Black != 0); {
			case p.Role() == coding.Data || p.Role() == coding.Check:
				if o := p.Offset(); flipped {
					data[o/8] |= 1 << (7 - o%8)
				}
			case flipped:
				return nil, false
			}
		}
	}
	return data, true
}

// text8 reads a text of bytes: four bits that say so, its length in a byte (or two from version 10
// on, which these codes do not reach), and the bytes, all of them half a byte late.
func text8(data []byte) string {
	at := func(i int) byte { return data[i]<<4 | data[i+1]>>4 }
	text := make([]byte, at(0))
	for i := range text {
		text[i] = at(i + 1)
	}
	return string(text)
}
