package evidence

import "bytes"

// The functions here split text that Canonical has made. They rely on it
// being well-formed and without white space.

// eachMember calls visit with every name, quoted, and value of a canonical
// object.
func eachMember(object []byte, visit func(name, value []byte)) {
	for pos := 1; object[pos] != '}'; {
		if object[pos] == ',' {
			pos++
		}
		colon := valueEnd(object, pos)
		end := valueEnd(object, colon+1)
		visit(object[pos:colon], object[colon+1:end])
		pos = end
	}
}

// eachItem calls visit with every item of a canonical array until it fails.
func eachItem(array []byte, visit func(i int, item []byte) error) error {
	for i, pos := 0, 1; array[pos] != ']'; i++ {
		if array[pos] == ',' {
			pos++
		}
		end := valueEnd(array, pos)
		if err := visit(i, array[pos:end]); err != nil {
			return err
		}
		pos = end
	}
	return nil
}

// valueEnd returns where the value that begins at pos ends.
func valueEnd(text []byte, pos int) int {
	depth := 0
	for {
		switch text[pos] {
		case '"':
			pos = stringEnd(text, pos)
		case '{', '[':
			depth++
			pos++
		case '}', ']':
			depth--
			pos++
		case ',', ':':
			pos++
		default:
			for pos < len(text) && bytes.IndexByte([]byte(",:}]"), text[pos]) < 0 {
				pos++
			}
		}
		if depth == 0 {
			return pos
		}
	}
}

// stringEnd returns where the string that begins at pos ends.
func stringEnd(text []byte, pos int) int {
	for pos++; text[pos] != '"'; pos++ {
		if text[pos] == '\\' {
			pos++
		}
	}
	return pos + 1
}
