DROP TABLE bar_scripts;
