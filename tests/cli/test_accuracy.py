import json

from click.testing import CliRunner

from hwmodel.cli.accuracy import command


def test_analytic_as_one_json_object(own_cache):
    done = CliRunner().invoke(command, ["--analytic", "--formats", "int8,e4m3", "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert list(result) == ["analytic"]
    assert len(result["analytic"]) == 6


def test_analytic_as_a_table():
    done = CliRunner().invoke(command, ["--analytic", "--formats", "int8,e3m4"])
    assert done.exit_code == 0, done.output
    assert "student-t(8)" in done.stdout
    assert "uniform[-1,1]" in done.stdout
    assert "e3m4" in done.stdout
