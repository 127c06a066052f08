using Microsoft.Data.Sqlite;
using static Halo.Samples.Clinic.Vocabulary;

namespace Halo.Samples.Clinic;

/// <summary>Throws the dice for every row, table by table.</summary>
sealed class ClinicFiller(SqliteConnection connection, SqliteTransaction transaction, Dice dice, DateOnly today)
{
    const int DaysOfBooks = 730;

    public ClinicSize Fill()
    {
        var practitioners = AddPractitioners();
        var patients = AddPatients();
        var (appointments, invoices) = AddAppointments();
        return new(practitioners, patients, appointments, invoices, AddObservations(), AddNotes());
    }

    int AddPractitioners()
    {
        using var table = new TableWriter(connection, transaction, "practitioners", 8);
        for (var i = 0; i < ClinicBuilder.Practitioners; i++)
            table.Add($"{dice.Between(1000000, 9999999)}{(char)('A' + i)}", dice.Pick(Titles), dice.Pick(FirstNames), dice.Pick(LastNames),
                dice.Pick(Specialities), !dice.OneIn(6), today.AddDays(-dice.Between(0, 9000)));
        return table.Rows;
    }

    int AddPatients()
    {
        using var table = new TableWriter(connection, transaction, "patients", 18);
        for (var i = 0; i < ClinicBuilder.Patients; i++)
        {
            var first = dice.Pick(FirstNames);
            // One patient of each kind of odd date: unknown, long ago, not yet born.
            var born = i switch
            {
                0 => (DateOnly?)null,
                1 => new DateOnly(1899, 12, 31),
                2 => new DateOnly(1, 1, 1),
                3 => new DateOnly(9999, 12, 31),
                _ => today.AddDays(-dice.Between(0, 36_000)),
            };
            table.Add(dice.Uuid(), 1 + dice.Between(0, ClinicBuilder.Practitioners), dice.OneIn(5) ? null : dice.Pick(Titles), first, dice.Pick(LastNames),
                dice.OneIn(8) ? first.ToUpperInvariant() : null, born, i > 3 && dice.OneIn(40) ? today.AddDays(-dice.Between(0, 800)) : null,
                $"{dice.Between(1, 400)} {dice.Pick(Streets)}{(dice.OneIn(6) ? "\nUnit " + dice.Between(1, 60) : "")}", dice.Pick(Suburbs),
                dice.Between(800, 7999).ToString("0000"), dice.OneIn(7) ? null : $"04{dice.Between(10_000_000, 99_999_999)}",
                dice.OneIn(4) ? null : dice.OneIn(20) ? "" : $"patient{i}@example.org", dice.OneIn(6) ? dice.Pick(Allergies) : null,
                dice.Between(-50_000, 120_000) / 100m, dice.OneIn(50) ? dice.Bytes(dice.Between(0, 3000)) : null,
                At(today.AddDays(-dice.Between(1, 5000))));
        }
        return table.Rows;
    }

    (int Appointments, int Invoices) AddAppointments()
    {
        using var appointments = new TableWriter(connection, transaction, "appointments", 8);
        using var invoices = new TableWriter(connection, transaction, "invoices", 7);
        for (var i = 0; i < ClinicBuilder.Appointments; i++)
        {
            // A patient of none is time that the practitioner keeps free.
            int? patient = dice.OneIn(50) ? null : 1 + dice.Between(0, ClinicBuilder.Patients);
            var day = today.AddDays(dice.Between(-DaysOfBooks, 120));
            var past = day < today;
            var status = past ? dice.Pick(PastStatuses) : "booked";
            var id = appointments.Add(patient, 1 + dice.Between(0, ClinicBuilder.Practitioners), At(day), dice.Between(1, 7) * 10, status,
                patient is null ? null : dice.Pick(Reasons), dice.OneIn(4) ? dice.Pick(Notes) : null);
            if (patient is not null && status == "completed")
            {
                var total = dice.Between(2_000, 45_000) / 100m;
                invoices.Add(patient, id, day, total, decimal.Round(total / 11m, 4), dice.OneIn(9) ? null : day.AddDays(dice.Between(0, 45)));
            }
        }
        return (appointments.Rows, invoices.Rows);
    }

    int AddObservations()
    {
        using var table = new TableWriter(connection, transaction, "observations", 8);
        for (var patient = 1; patient <= ClinicBuilder.Patients; patient++)
            for (var count = dice.Between(0, 30); count > 0; count--)
            {
                var (code, name, unit, low, high) = dice.Pick(Measures);
                table.Add(patient, At(today.AddDays(-dice.Between(0, 4000))), code, name,
                    unit is null ? null : dice.Between(low, high) / 10.0, unit, unit is null ? dice.Pick(SmokingStatuses) : null);
            }
        return table.Rows;
    }

    int AddNotes()
    {
        using var table = new TableWriter(connection, transaction, "notes", 6);
        for (var patient = 1; patient <= ClinicBuilder.Patients; patient++)
            for (var count = dice.Between(0, 9); count > 0; count--)
                table.Add(patient, 1 + dice.Between(0, ClinicBuilder.Practitioners), At(today.AddDays(-dice.Between(0, 4000))),
                    dice.OneIn(3) ? dice.Pick(Notes) + "\n" + dice.Pick(Notes) : dice.Pick(Notes), dice.OneIn(30) ? dice.Bytes(dice.Between(0, 2000)) : null);
        return table.Rows;
    }

    DateTime At(DateOnly day) => day.ToDateTime(new TimeOnly(8, 0)).AddMinutes(dice.Between(0, 60) * 10).AddSeconds(dice.OneIn(10) ? dice.Between(0, 60) : 0);
}
