// Package breached has password policies that refuse passwords which were stolen elsewhere.
// Attackers try these first, and NIST SP 800-63B-4 (section 3.1.1.2) requires that a new
// password is compared with them. The list is Pwned Passwords, of the service Have I Been Pwned,
// with about a billion passwords.
//
// A policy here is put around another, whose rules come first; only a password that passes them
// is looked up. It is refused with the code common_password:
//
//	policy, err := breached.Online(password.Strict, nil)
//	svc, err := kit.New(stores, keys, &kit.Options{PasswordPolicy: policy})
//
// There are two ways to look it up:
//
//   - [Online] asks the service. Nothing has to be kept, and the lists are new. Five of the 40
//     hexadecimal digits of the password's SHA-1 leave the machine.
//   - [List.Policy] looks into a file on this machine. Nothing leaves it, and no outage or
//     network is in the way. The file needs some disk, and is as new as its download.
//
// Neither is a gate: if the service is away or the file cannot be read, the password is
// accepted, and a function of the application hears of it.
//
// # The file
//
// Download the hashes with the official downloader, and make the list:
//
//	dotnet tool install --global haveibeenpwned-downloader
//	haveibeenpwned-downloader pwnedpasswords
//	go run myauth.internal/kit/password/breached/makelist -o pwned.list pwnedpasswords.txt
//
// The file has the first 8 bytes of each hash in ascending order, after a header of 32 bytes, so
// a billion passwords need 8 GB. A password that is not among them is refused nevertheless if
// its hash begins with the same 8 bytes as one of theirs: the chance is one in 18 billion.
// With -bytes 6 there are 6 GB, and the chance is one in 280,000. -min 10 leaves out what was
// seen fewer than 10 times.
//
// Hashes are spread evenly, so a look-up reads 4 KiB where the hash should be, and has found it
// after two or three such reads, in constant memory. The file is read through an [io.ReaderAt],
// so a small one can also be in an [embed.FS]:
//
//	file, err := lists.Open("pwned.list")
//	list, err := breached.NewList(file.(io.ReaderAt), size)
package breached
