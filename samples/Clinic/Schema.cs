namespace Halo.Samples.Clinic;

static class Schema
{
    public const string Tables = """
        CREATE TABLE practitioners (
            id INTEGER PRIMARY KEY, provider_number TEXT NOT NULL, title TEXT, first_name TEXT NOT NULL, last_name TEXT NOT NULL,
            speciality TEXT NOT NULL, active BOOLEAN NOT NULL, started_on DATE NOT NULL);
        CREATE TABLE patients (
            id INTEGER PRIMARY KEY, guid UUID NOT NULL, practitioner_id INTEGER REFERENCES practitioners, title TEXT,
            first_name TEXT NOT NULL, last_name TEXT NOT NULL, preferred_name TEXT, date_of_birth DATE, date_of_death DATE,
            address TEXT, suburb TEXT, postcode TEXT, phone TEXT, email TEXT, allergies TEXT,
            balance DECIMAL(10,2) NOT NULL, photo BLOB, created_at DATETIME NOT NULL);
        CREATE TABLE appointments (
            id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients, practitioner_id INTEGER NOT NULL REFERENCES practitioners,
            starts_at DATETIME NOT NULL, minutes INTEGER NOT NULL, status TEXT NOT NULL, reason TEXT, note TEXT);
        CREATE TABLE invoices (
            id INTEGER PRIMARY KEY, patient_id INTEGER NOT NULL REFERENCES patients, appointment_id INTEGER NOT NULL REFERENCES appointments,
            issued_on DATE NOT NULL, total DECIMAL(10,2) NOT NULL, gst DECIMAL(10,4) NOT NULL, paid_on DATE);
        CREATE TABLE observations (
            id INTEGER PRIMARY KEY, patient_id INTEGER NOT NULL REFERENCES patients, taken_at DATETIME NOT NULL,
            code TEXT NOT NULL, name TEXT NOT NULL, value REAL, unit TEXT, text TEXT);
        CREATE TABLE notes (
            id INTEGER PRIMARY KEY, patient_id INTEGER NOT NULL REFERENCES patients, practitioner_id INTEGER NOT NULL REFERENCES practitioners,
            written_at DATETIME NOT NULL, body TEXT NOT NULL, attachment BLOB);
        """;

    /// <summary>Made after the rows: quicker, and laid out the same way each time.</summary>
    public const string Indexes = """
        CREATE INDEX patients_name ON patients (last_name, first_name);
        CREATE INDEX appointments_start ON appointments (starts_at);
        CREATE INDEX appointments_patient ON appointments (patient_id);
        CREATE INDEX invoices_patient ON invoices (patient_id);
        CREATE INDEX observations_patient ON observations (patient_id, code);
        CREATE INDEX notes_patient ON notes (patient_id);
        """;
}
