package mailx
